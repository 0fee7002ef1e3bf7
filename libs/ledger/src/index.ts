export * from './fact-set.fold.js';
export * from './timeline.fold.js';
export * from './destination.fold.js';
export * from './verdict.fold.js';
