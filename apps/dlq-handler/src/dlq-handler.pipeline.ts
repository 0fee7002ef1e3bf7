import { retried } from '#libs/observability/src/index.js';
import type { Lease, LogRecord, PartitionLog, PartitionWork } from '#libs/kafka/src/index.js';
import { entryOfDelivery, entryOfEvent, entryOfUnreadable, type Entry, type Standing } from './decide-entry.js';
import type { DlqHandlerPorts } from './dlq-handler.ports.js';
import { cutBySize } from './cut-by-size.js';

/** One transaction of the store: at most so many records, and so many bytes of bodies and histories (or one record alone). */
export const BATCH_MAX_RECORDS = 100;
const BATCH_MAX_BYTES = 8 * 1024 * 1024;
const READ_WAIT_MS = 1_000;
const STANDSTILL_MS = 100;

export type Room = 'dlq' | 'invalid';

/**
 * The whole story of `dlq-handler`: nothing rests in hf.dlq or hf.invalid unseen.
 *
 * Source   One partition of hf.dlq (deliveries) or hf.invalid (events), read by its owner.
 * Crash    after 3, before 4: the same records are read again and stand once, by position and incarnation (and by delivery, hop
 *          and operation); only those not there yet are told. A new owner may store beside a late old one for the same reason.
 * Errors   The store or the registry down: the partition waits, with a bounded backoff, and /readyz says so. Kafka's errors
 *          after that are thrown: the source begins this work again, and `acquire` reads what stands. An unreadable record is
 *          kept raw.
 */
export const keepUnsettled =
  (room: Room, ports: DlqHandlerPorts): PartitionWork =>
  async (log, lease) => {
    const owner = ports.owner(log);
    // An offset that is missing or out of range holds the partition, in sight of /readyz, and is never guessed (rule 4).
    const owned = await waitingOut(log, lease, ports, () => owner.acquire());
    if (!owned) return;
    const { incarnation } = owned;
    for (let next = owned.offset; !lease.revoked.aborted;) {
      if (!lease.mayStart()) {
        await ports.clock.sleep(STANDSTILL_MS, lease.revoked);
        continue;
      }
      // 1 · Source: what stands from here on.
      const chunk = await log.read(next, { records: BATCH_MAX_RECORDS, waitMs: READ_WAIT_MS }, lease.revoked);
      if (chunk.nextOffset === next) continue;

      // 2 · Decide what each record is; 3 · record it once; and tell those that are new.
      const entries = await waitingOut(log, lease, ports, () =>
        Promise.all(chunk.records.map((record) => entryOf(room, record, incarnation, ports))),
      );
      if (!entries) return; // Revoked while it waited: the next owner reads the same again.
      for (const batch of cutBySize(entries, BATCH_MAX_BYTES)) {
        const fresh = await waitingOut(log, lease, ports, () => ports.store.insert(batch));
        if (!fresh) return;
        ports.telling.stored(fresh);
      }

      // 4 · Only now may the offset move.
      await owner.settle({ records: [], offset: chunk.nextOffset, settled: [] });
      next = chunk.nextOffset;
    }
  };

async function entryOf(room: Room, record: LogRecord, incarnation: string, { codec }: DlqHandlerPorts): Promise<Entry> {
  const at = standingOf(record, incarnation);
  if (record.value === null) return entryOfUnreadable({ code: 'empty', message: 'the record has no value' }, null, at);
  if (room === 'dlq') {
    const delivery = await codec.decode('Delivery', record.value);
    return delivery.ok ? entryOfDelivery(delivery.value, at) : entryOfUnreadable(delivery, record.value, at);
  }
  const event = await codec.decode('Event', record.value);
  return event.ok ? entryOfEvent(event.value, at) : entryOfUnreadable(event, record.value, at);
}

const standingOf = ({ topic, partition, offset, timestampMs, headers }: LogRecord, incarnation: string): Standing => ({
  topic,
  partition,
  offset,
  incarnation,
  timestampMs,
  headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.toString()])),
});

const waitingOut = <T>(log: PartitionLog, lease: Lease, { clock, telling }: DlqHandlerPorts, act: () => Promise<T>): Promise<T | null> =>
  retried(act, { clock, signal: lease.revoked, onWaiting: (error) => telling.waiting(log.topic, log.partition, error) });
