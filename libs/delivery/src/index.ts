export * from './outcome.js';
export * from './decide-class.js';
export * from './decide-next-step.js';
export * from './decide-resolution.js';
export * from './attempt-marks.port.js';
export { MemoryMarksServer, type MarksFault } from './attempt-marks.memory.js';
export * from './valve.port.js';
export * from './retry-budget.js';
export { HoldValve } from './hold-valve.js';
