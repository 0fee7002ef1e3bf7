import { MemoryPauses } from './pauses.memory.js';
import { pausesContract } from './testing/pauses.contract.js';

pausesContract('memory', async () => new MemoryPauses());
