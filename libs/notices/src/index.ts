export * from './notices.port.js';
export * from './notice-book.port.js';
export { MemoryNoticeBook } from './notice-book.memory.js';
export { FallbackNoticeBook } from './notice-book.fallback.js';
export * from './notice-board.js';
export * from './decide-time-to-loss.js';
export * from './time-to-loss.js';
