import type { Fact } from '#libs/domain/src/index.js';
import { LogError, type Chunk, type Lease, type LogRecord, type PartitionLog, type PartitionWork } from '#libs/kafka/src/index.js';
import { foldStandings, type EventRow, type FactRow, type Projection } from '#libs/ledger/src/index.js';
import { retried } from '#libs/observability/src/index.js';
import { eventRow, factRow, type Stood } from './decide-projection.js';
import type { LedgerPorts } from './ledger.ports.js';

export type Room = 'events' | 'facts';

/** One transaction of the store. */
export const BATCH_MAX_RECORDS = 1_000;
const READ_WAIT_MS = 1_000;
const STANDSTILL_MS = 100;
/** The committed offset only tells the lag: the store knows where it stands. */
const COMMIT_EVERY_MS = 2_000;

/**
 * The whole story of `ledger`: hf.events and hf.ledger as rows, each record once.
 *
 * Source   One partition of hf.events or hf.ledger, read by its owner from where the *store* stands (rule 27).
 * Crash    anywhere: rows and progress stand together or not at all, and the next owner goes on from there.
 * Errors   The store or the registry down: the partition waits, its lag grows, and /readyz says so; delivery does not notice. The
 *          store was emptied, or another owner went on: it is asked again where it stands. A record nobody can read is passed
 *          over and counted: it stands in Kafka, and the evidence reader names it.
 */
export const project =
  (room: Room, ports: LedgerPorts): PartitionWork =>
  async (log, lease) => {
    const owner = ports.owner(log);
    if (!(await waitingOut(log, lease, ports, () => owner.acquire()))) return;
    let from = await stand(log, lease, ports);
    for (let committedAtMs = 0; from !== undefined && !lease.revoked.aborted;) {
      if (!lease.mayStart()) {
        await ports.clock.sleep(STANDSTILL_MS, lease.revoked);
        continue;
      }
      // 1 · Source: what stands from there on.
      const chunk = await readFrom(from, log, lease, ports);
      if (chunk.nextOffset !== from) {
        // 2 · Decide the rows; 3 · record them with the progress, in one transaction.
        const stored = await projectChunk(chunk, from, { room, log, lease, ports });
        if (stored === null) return;
        from = stored === 'stored' ? chunk.nextOffset : await stand(log, lease, ports);
      }
      // 4 · Told to Kafka now and then, for the lag.
      if (typeof from !== 'number' || ports.clock.monotonicMs() - committedAtMs < COMMIT_EVERY_MS) continue;
      if (owner.current().offset !== from) await owner.settle({ records: [], offset: from, settled: [] });
      committedAtMs = ports.clock.monotonicMs();
    }
  };

type Here = Readonly<{ room: Room; log: PartitionLog; lease: Lease; ports: LedgerPorts }>;

async function projectChunk(chunk: Chunk, from: number | null, { room, log, lease, ports }: Here): Promise<'stored' | 'moved' | null> {
  const { topic, partition } = log;
  const beganMs = ports.clock.monotonicMs();
  const rows = await waitingOut(log, lease, ports, () => (room === 'events' ? eventRows(chunk, ports) : factRows(chunk, ports)));
  if (!rows) return null;
  const { unreadable, ...projection } = rows;
  const stored = await waitingOut(log, lease, ports, () =>
    ports.store.project({ ...projection, topic, partition, from, next: chunk.nextOffset }),
  );
  const tookMs = ports.clock.monotonicMs() - beganMs;
  const line = { topic, partition, records: chunk.records.length, unreadable, next: chunk.nextOffset, tookMs };
  if (stored === 'stored') ports.telling.projected(line);
  return stored;
}

/** Where the store stands; null: nowhere yet; undefined: the partition went away first. */
async function stand(log: PartitionLog, lease: Lease, ports: LedgerPorts): Promise<number | null | undefined> {
  const answer = await waitingOut(log, lease, ports, async () => ({ next: await ports.store.progress(log.topic, log.partition) }));
  return answer === null ? undefined : answer.next;
}

async function readFrom(from: number | null, log: PartitionLog, lease: Lease, { telling }: LedgerPorts) {
  const max = { records: BATCH_MAX_RECORDS, waitMs: READ_WAIT_MS };
  try {
    return await log.read(from ?? (await log.bounds()).startOffset, max, lease.revoked);
  } catch (error) {
    if (!(error instanceof LogError && error.code === 'out-of-range')) throw error;
    const { startOffset } = await log.bounds();
    if (from === null || startOffset <= from) throw error;
    telling.passedOver({ topic: log.topic, partition: log.partition, from, to: startOffset });
    return log.read(startOffset, max, lease.revoked);
  }
}

type Rows = Pick<Projection, 'events' | 'facts' | 'standings'> & Readonly<{ unreadable: number }>;

async function eventRows({ records }: Chunk, { codec }: LedgerPorts): Promise<Rows> {
  const events: EventRow[] = [];
  for (const record of records) {
    const decoded = record.value === null ? null : await codec.decode('Event', record.value);
    if (decoded?.ok) events.push(eventRow(decoded.value, standing(record)));
  }
  return { events, facts: [], standings: [], unreadable: records.length - events.length };
}

async function factRows({ records }: Chunk, { codec }: LedgerPorts): Promise<Rows> {
  const rows: FactRow[] = [];
  const facts: Fact[] = [];
  for (const record of records) {
    const decoded = record.value === null ? null : await codec.decode('Fact', record.value);
    if (!decoded?.ok) continue;
    facts.push(decoded.value);
    rows.push(factRow(decoded.value, standing(record)));
  }
  return { events: [], facts: rows, standings: foldStandings(facts), unreadable: records.length - rows.length };
}

const standing = ({ topic, partition, offset, timestampMs, value }: LogRecord): Stood => ({
  topic,
  partition,
  offset,
  timestampMs,
  value: value!,
});

const waitingOut = <T>(log: PartitionLog, lease: Lease, { clock, telling }: LedgerPorts, act: () => Promise<T>): Promise<T | null> =>
  retried(act, { clock, signal: lease.revoked, onWaiting: (error) => telling.waiting(log.topic, log.partition, error) });
