export * from './seen-store.port.js';
export * from './store-unavailable.js';
export * from './claim-key.js';
export * from './revision-order.js';
export { MemorySeenState, MemorySeenStore, type SeenSnapshot, type SeenStoreFault } from './seen-store.memory.js';
