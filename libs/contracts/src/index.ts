export * from './codec.port.js';
