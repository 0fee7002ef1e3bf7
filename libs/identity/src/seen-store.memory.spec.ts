import { MemorySeenState, MemorySeenStore } from './seen-store.memory.js';
import { seenStoreContract } from './testing/seen-store.contract.js';

seenStoreContract('memory', async () => {
  let nowMs = 0;
  const state = new MemorySeenState(() => nowMs);
  return { store: new MemorySeenStore(state), elapse: async (ms) => void (nowMs += ms), forget: async () => state.wipe() };
});
