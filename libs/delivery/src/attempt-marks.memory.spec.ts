import { MemoryMarksServer } from './attempt-marks.memory.js';
import { attemptMarksContract } from './testing/attempt-marks.contract.js';

attemptMarksContract('memory', async () => {
  const server = new MemoryMarksServer();
  return { store: server.store(), wipe: async () => server.wipe() };
});
