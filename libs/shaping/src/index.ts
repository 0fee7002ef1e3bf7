export * from './standard-webhooks.js';
export * from './decide-transform.js';
export * from './schema-versions.js';
export * from './transform.port.js';
