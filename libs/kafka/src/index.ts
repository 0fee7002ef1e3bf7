export * from './log.port.js';
export * from './clock.port.js';
