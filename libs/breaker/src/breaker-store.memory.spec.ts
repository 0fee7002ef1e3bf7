import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { MemoryBreakerStore } from './breaker-store.memory.js';
import { breakerStoreContract } from './testing/breaker-store.contract.js';

breakerStoreContract('memory', async () => {
  const clock = new ManualClock();
  const store = new MemoryBreakerStore(clock);
  return { store, elapse: () => clock.advance(60), forget: async () => store.forget() };
});
