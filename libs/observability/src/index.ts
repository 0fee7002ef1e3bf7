export * from './redact.js';
export * from './logger.js';
export * from './metric-catalogue.js';
export * from './metrics.js';
export * from './readiness.js';
export * from './admin-server.js';
export * from './shutdown.js';
export * from './run-app.js';
