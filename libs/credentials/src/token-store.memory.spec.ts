import { tokenStoreContract } from './testing/token-store.contract.js';
import { MemoryTokenStore } from './token-store.memory.js';

tokenStoreContract('memory', async () => {
  let nowMs = 1_000;
  const store = new MemoryTokenStore(() => nowMs);
  return { store, elapse: async (ms) => void (nowMs += ms), forget: async () => store.forget() };
});
