export * from './names.js';
export * from './store-error.js';
