import type { SeenStoreFault } from '#libs/identity/src/index.js';
import { LogError, type Committed, type MemoryBroker, type PartitionLog } from '#libs/kafka/src/index.js';

/** The faults of the dedupe model (model/dedupe.py), by the names they have there. */
export const dedupeFaults = [
  'offset read before the fence',
  'offset fetch not final',
  'no fence',
  'no own-position check',
  'watermark not compared',
  'watermark written blindly',
  'claimed before the watermark was compared',
  'offset outside the transaction',
  'lost answer taken for an abort',
] as const;
export type DedupeFault = (typeof dedupeFaults)[number];

/** Faults that live in the seen store are planted there; the others in the log as its owner sees it. */
export const storeFault = (fault: DedupeFault | null): SeenStoreFault | null => {
  switch (fault) {
    case 'no own-position check':
    case 'watermark not compared':
    case 'watermark written blindly':
    case 'claimed before the watermark was compared':
      return fault;
    default:
      return null;
  }
};

/** Everybody gets the epoch that the first one made, and nobody's transaction is aborted. */
export function plantInBroker(broker: MemoryBroker, fault: DedupeFault | null): void {
  if (fault !== 'no fence') return;
  const fence = broker.fence.bind(broker);
  const epochs = new Map<string, number>();
  broker.fence = (id) => {
    const epoch = epochs.get(id) ?? fence(id);
    epochs.set(id, epoch);
    return epoch;
  };
}

/** The log with one rule of the owner's broken. `stale` is what a coordinator shows that is behind: what stood before the last commit. */
export function plantInLog(log: PartitionLog, fault: DedupeFault | null, stale: () => Committed | null | undefined): PartitionLog {
  let early: Committed | null | undefined;
  let last: Committed | null = null;
  const planted: PartitionLog = {
    topic: log.topic,
    partition: log.partition,
    group: log.group,
    read: (from, max, signal) => log.read(from, max, signal),
    bounds: () => log.bounds(),
    fence: async () => {
      if (fault === 'offset read before the fence') early = await log.committed();
      await log.fence();
    },
    committed: async () => {
      const now = await log.committed();
      last = fault === 'offset fetch not final' ? (stale() ?? now) : early === undefined ? now : early;
      return last;
    },
    commit: async (batch) => {
      const { records, offset, metadata } = batch;
      if (fault === 'offset outside the transaction' && records.length > 0 && last) {
        await log.commit({ records, offset: last.offset, metadata: last.metadata });
        await log.commit({ records: [], offset, metadata });
      } else if (fault === 'lost answer taken for an abort') {
        await log.commit(batch).catch(async (error: unknown) => {
          if (!(error instanceof LogError) || error.code !== 'unknown-end') throw error;
          await log.fence();
          await log.commit(batch);
        });
      } else await log.commit(batch);
      last = { offset, metadata };
    },
  };
  return planted;
}
