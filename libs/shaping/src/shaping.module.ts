export { ThreadTransforms, type ThreadOptions } from './transforms.thread.js';
