export * from './position.js';
export * from './dead-letter-id.js';
export * from './event.js';
export * from './delivery.js';
export * from './fact.js';
export * from './command.js';
export * from './topics.js';
export * from './json-value.js';
