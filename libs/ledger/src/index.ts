export * from './fact-set.fold.js';
export * from './timeline.fold.js';
export * from './destination.fold.js';
export * from './verdict.fold.js';
export * from './log-scan.js';
export * from './passed-offsets.js';
export * from './evidence-reader.js';
