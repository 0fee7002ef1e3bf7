import type { ClaimVerdict } from '#libs/identity/src/index.js';
import { LogError, type Chunk, type Lease, type Owner, type PartitionLog } from '#libs/kafka/src/index.js';
import { Ahead, type Prepared } from './ahead.js';
import type { DedupeConfig, DedupePorts } from './dedupe.ports.js';
import { decideRecovery } from './decide-recovery.js';
import { rememberRoutes, type Way } from './decide-routes.js';
import { decideVerdict } from './decide-verdict.js';
import { eventClaims } from './event-claims.js';
import { readEvents, type ReadEvent } from './event-reading.js';
import { judgedByDigest, judgedRecords, type Judged, type Writing } from './judged-records.js';
import { patiently } from './patience.js';
import { rebuildWindow } from './window-rebuild.js';

/**
 * The whole of `dedupe`, for one partition of the event log. Read this file first: own → source → decide → record, over and over.
 *
 * While one batch's transaction is under way what comes is read, claimed and encoded, and all of it is the next batch: low load
 * means small batches and low latency, high load large ones, with no timer.
 *
 * Crash    after 2: read again. After 3: the keys hold my own positions, so claiming again gives the same verdicts. After 5: the
 *          offset and the records stand together or not at all. Whoever wakes up late is fenced at 5, and what it claimed at 3 is
 *          what the new owner's claims would say.
 * Errors   Redis or the registry away: the same call again (nothing was written). A commit whose end is not known: own it anew and
 *          read what stands (rule 3). Fenced: leave. The table is `decide-recovery.ts`.
 */
export async function dedupePartition(log: PartitionLog, lease: Lease, ports: DedupePorts, config: DedupeConfig): Promise<void> {
  const { partition } = log;
  const owner = ports.own(log);
  const waysOf = rememberRoutes(config.routes);
  for (let failures = 0; !lease.revoked.aborted; failures += 1) {
    const leave = new AbortController();
    const signal = AbortSignal.any([lease.revoked, leave.signal]);
    const run: Run = { log, owner, ports, config, waysOf, signal };
    let ahead: Ahead<Judged> | null = null;
    try {
      // 1 · Own: fence, then read what is committed; from here on nobody else commits.
      const { offset, number } = await owner.acquire();
      ports.tell({ kind: 'owned', partition, offset, number });
      const { batchMaxRecords: itemsMax, batchMaxBytes: bytesMax } = config;
      ahead = new Ahead(offset, { prepare: (from) => prepare(run, from), itemsMax, bytesMax, signal });
      while (!signal.aborted) {
        const batch = await ahead.take();
        // 5 · Record: deliveries, parked events, facts and the offset in one transaction.
        await settle(run, batch.items, batch.next);
        failures = 0;
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const step = decideRecovery(error, failures);
      if (step.kind === 'throw' && !lease.revoked.aborted) throw error;
      if (step.kind === 'leave' || step.kind === 'throw' || lease.revoked.aborted)
        return ports.tell({ kind: 'left', partition, why: error.message });
      ports.tell({ kind: 'waiting', partition, during: 'owning and committing', afterMs: step.afterMs, error });
      await ports.clock.sleep(step.afterMs, lease.revoked);
    } finally {
      leave.abort();
      await ahead?.ended(); // Two preparations of one partition never run side by side.
    }
  }
  ports.tell({ kind: 'left', partition, why: 'the partition was taken away' });
}

type Run = Readonly<{
  log: PartitionLog;
  owner: Owner;
  ports: DedupePorts;
  config: DedupeConfig;
  waysOf(of: Readonly<{ source: string; type: string }>): readonly Way[];
  signal: AbortSignal;
}>;

const readWaitMs = 1_000;

/** Judged and encoded, not written. Empty only when the signal was aborted. */
async function prepare(run: Run, from: number): Promise<Prepared<Judged>> {
  const { ports, log, signal, waysOf } = run;
  const of = { partition: log.partition, signal };
  // 2 · Source: what stands from here on, decoded.
  const { chunk, bytes } = await gather(run, from);
  if (chunk.records.length === 0) return { items: [], bytes, next: from };
  const events = await patiently(ports, { ...of, during: 'reading schemas' }, () => readEvents(ports.codec, chunk.records));
  // 3 · Decide by position: one call compares the watermark, claims every key, raises the watermark.
  const seen = await claim(run, events, { from, next: chunk.nextOffset });
  // 4 · Decide verdicts and ways, and write down what follows from them.
  const writing = writingOf(run);
  let claimed = 0;
  const items = events.map((read) => {
    const verdict = decideVerdict(read.faults, read.faults.length > 0 ? null : seen[claimed++]!, waysOf(read.event));
    return judgedRecords(read, verdict, writing);
  });
  return { items, bytes, next: chunk.nextOffset };
}

/** Reads until there are records: markers and aborted records alone make no batch. Cut by bytes as well as by count (rule 7). */
async function gather({ log, config, signal }: Run, from: number): Promise<{ chunk: Chunk; bytes: number }> {
  let chunk: Chunk = { records: [], nextOffset: from };
  while (chunk.records.length === 0 && !signal.aborted) {
    chunk = await log.read(chunk.nextOffset, { records: config.batchMaxRecords, waitMs: readWaitMs }, signal);
  }
  let bytes = 0;
  for (const [n, record] of chunk.records.entries()) {
    const more = record.value?.length ?? 0;
    if (n > 0 && bytes + more > config.batchMaxBytes)
      return { chunk: { records: chunk.records.slice(0, n), nextOffset: record.offset }, bytes };
    bytes += more;
  }
  return { chunk, bytes };
}

/** Refused means that Redis forgot: the missing range of the log is judged again first, then the same claim is made. */
async function claim(run: Run, events: readonly ReadEvent[], range: { from: number; next: number }): Promise<readonly ClaimVerdict[]> {
  const { ports, config, log, owner, waysOf, signal } = run;
  const { topic, partition } = log;
  const { incarnation, offset: settled } = owner.current();
  const asOfMs = events[0]!.record.timestampMs;
  const claims = eventClaims(events, config, waysOf);
  for (;;) {
    const lagMs = Math.max(0, ports.clock.nowMs() - asOfMs);
    const answer = await patiently(ports, { partition, during: 'claiming keys', signal }, () =>
      ports.seen.claim({ ...range, partition, incarnation, floor: 0, settled, lagMs, slackMs: config.slackMs, claims }),
    );
    if (answer.kind === 'judged') return answer.verdicts;
    signal.throwIfAborted();
    await rebuildWindow(
      { topic, partition, incarnation, settled, reached: answer.reached, upTo: range.from, asOfMs },
      ports,
      config,
      waysOf,
      signal,
    );
  }
}

/** One transaction; halved while it is too large, until one event stands alone, which is parked by its digest (rule 8). */
async function settle(run: Run, judged: readonly Judged[], next: number): Promise<void> {
  const { owner, ports, log } = run;
  const { partition } = log;
  if (judged.length === 0) return;
  try {
    await owner.settle({ records: judged.flatMap(({ records }) => records), offset: next, settled: [] });
    ports.tell({ kind: 'settled', partition, offset: next, judged });
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'too-large') throw error;
    const first = judged[0]!;
    if (judged.length === 1 && first.byDigest) throw error;
    if (judged.length === 1) return settle(run, [judgedByDigest(first, writingOf(run))], next);
    ports.tell({ kind: 'halved', partition, records: judged.length });
    const middle = Math.ceil(judged.length / 2);
    await settle(run, judged.slice(0, middle), judged[middle]!.read.record.offset);
    await settle(run, judged.slice(middle), next);
  }
}

const writingOf = ({ ports, config, owner }: Run): Writing => ({
  codec: ports.codec,
  topics: config.topics,
  incarnation: owner.current().incarnation,
  nowMs: ports.clock.nowMs(),
});
