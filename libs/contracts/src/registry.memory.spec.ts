import { MemoryRegistry } from './index.js';
import { registryContract } from './testing/registry.contract.js';

registryContract('in memory', () => new MemoryRegistry());
