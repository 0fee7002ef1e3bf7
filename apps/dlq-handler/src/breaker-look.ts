import type { BreakerStore } from '#libs/breaker/src/index.js';
import type { BreakerLook } from './repair.ports.js';

/** Half-open is open for us: one probe decides, and an operation is no probe. */
export const breakerLook = (store: Pick<BreakerStore, 'read'>): BreakerLook => ({
  isOpen: async (destination) => {
    const kind = (await store.read(destination)).state?.phase.kind;
    return kind === 'open' || kind === 'half-open';
  },
});
