import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { MemoryRateStore } from './rate-store.memory.js';
import { rateStoreContract } from './testing/rate-store.contract.js';

rateStoreContract('memory', async () => {
  const clock = new ManualClock();
  const store = new MemoryRateStore(clock);
  return { store, elapse: (ms) => clock.advance(ms), forget: async () => store.forget() };
});
