export * from './configuration.js';
export * from './secret.js';
export * from './settings.js';
export * from './type-matcher.js';
