export * from './breaker.fold.js';
export * from './outcomes.fold.js';
export * from './breaker-store.port.js';
export { MemoryBreakerStore } from './breaker-store.memory.js';
export * from './breaker-valve.js';
export * from './breakers.js';
export * from './command-breaker.js';
