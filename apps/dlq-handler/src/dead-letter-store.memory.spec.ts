import { MemoryDeadLetterStore } from './dead-letter-store.memory.js';
import { deadLetterStoreContract } from './testing/dead-letter-store.contract.js';

deadLetterStoreContract('memory', async () => new MemoryDeadLetterStore());
