export * from './log.port.js';
export * from './clock.port.js';
export * from './interleave.js';
export * from './partition-owner.port.js';
