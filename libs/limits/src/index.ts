export * from './gcra.fold.js';
export * from './rate-store.port.js';
export { MemoryRateStore } from './rate-store.memory.js';
