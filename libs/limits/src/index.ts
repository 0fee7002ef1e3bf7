export * from './gcra.fold.js';
export * from './rate-store.port.js';
export { MemoryRateStore } from './rate-store.memory.js';
export { RateLimitValve, type RateLimitParts } from './rate-limit.valve.js';
export * from './hold-board.port.js';
export { MemoryHoldBoard } from './hold-board.memory.js';
export { SharedHolds, type SharedHoldsParts } from './shared-holds.js';
export * from './calendar.port.js';
export { MaintenanceValve } from './maintenance.valve.js';
