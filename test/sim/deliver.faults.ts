import type { MarksFault, UnknownRule } from '#libs/delivery/src/index.js';
import type { Committed, Interleave, MemoryBroker, Owner, PartitionLog } from '#libs/kafka/src/index.js';

/** The faults of the deliver model (model/deliver.py), by the names they have there, with the rule they show under. */
export const deliverFaults = [
  ['offset read before the fence', 'idempotency-key'],
  ['start bit without epoch', 'lookup'],
  ['settled outside the transaction', 'idempotency-key'],
  ['no takeover wait', 'lookup'],
  ['no deadline between claim and send', 'lookup'],
  ['lookup at once after a timeout', 'lookup'],
  ['identity committed only with a settlement', 'lookup'],
  ['Redis identity not compared', 'lookup'],
  ['Redis identity not compared', 'resend'],
  ['doubts not written down', 'lookup'],
  ['starts not counted', 'resend'],
] as const satisfies readonly (readonly [string, UnknownRule])[];
export type DeliverFault = (typeof deliverFaults)[number][0];

export const marksFault = (fault: DeliverFault | null): MarksFault | null => {
  switch (fault) {
    case 'start bit without epoch':
    case 'Redis identity not compared':
    case 'doubts not written down':
    case 'starts not counted':
      return fault;
    default:
      return null;
  }
};

/** The log with one rule of the owner's broken. */
export function plantInLog(log: PartitionLog, fault: DeliverFault | null, broker: MemoryBroker, interleave: Interleave): PartitionLog {
  if (fault !== 'offset read before the fence' && fault !== 'settled outside the transaction') return log;
  let early: Committed | null | undefined;
  const { group, topic, partition } = log;
  return {
    group,
    topic,
    partition,
    read: (from, max, signal) => log.read(from, max, signal),
    bounds: () => log.bounds(),
    fence: async () => {
      if (fault === 'offset read before the fence') early = await log.committed();
      await log.fence();
    },
    committed: async (beside) => (early === undefined || beside !== undefined ? log.committed(beside) : early),
    commit: async (batch) => {
      if (fault !== 'settled outside the transaction' || batch.records.length === 0) return log.commit(batch);
      await interleave.before('log.commit without a transaction');
      broker.write(batch.records, null);
      broker.setCommitted({ group, topic, partition, offset: batch.offset, metadata: batch.metadata });
      if (batch.beside) broker.setCommitted({ group, partition, ...batch.beside });
      await interleave.after('log.commit without a transaction');
    },
  };
}

/** The identity is kept back until something is settled. */
export function plantInOwner(owner: Owner, fault: DeliverFault | null): Owner {
  if (fault !== 'identity committed only with a settlement') return owner;
  let kept: string | undefined;
  return {
    acquire: () => owner.acquire(),
    prove: () => owner.prove(),
    current: () => (kept === undefined ? owner.current() : { ...owner.current(), redisIdentity: kept }),
    settle: async (settlement) => {
      kept = settlement.redisIdentity ?? kept;
      if (settlement.records.length === 0) return;
      await owner.settle(kept === undefined ? settlement : { ...settlement, redisIdentity: kept });
    },
  };
}
