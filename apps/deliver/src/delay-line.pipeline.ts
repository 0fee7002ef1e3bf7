import type { Delivery } from '#libs/domain/src/index.js';
import {
  LogError,
  PartitionOwner,
  type LogRecord,
  type OutRecord,
  type Owner,
  type PartitionLog,
  type PartitionWork,
} from '#libs/kafka/src/index.js';
import type { DeliverBounds } from './deliver.config.js';
import type { DeliverPorts } from './deliver.ports.js';
import { itemOf } from './item.js';
import { readDelivery } from './read-delivery.js';
import { digestOf, headersOf, recordsOf, unreadableRecords, type End, type RecordScope } from './settlement-records.js';

export type DelayLineParts = Readonly<{
  tier: Readonly<{ name: string; delayMs: number }>;
  /** Destinations of the configuration; a record of any other goes round for a while, and then to the DLQ. */
  known: ReadonlySet<string>;
  ports: DeliverPorts;
  bounds: DeliverBounds;
  ownerOf?: (log: PartitionLog) => Owner;
}>;

/**
 * A delay line: waits until its head is due, and returns what is due to its destination's topic, offset and records in one
 * transaction. It calls nobody, so no outage can block it. A record is due at its append time plus the tier, nothing else
 * (rule 24); records stand in order of append time, so the head is the first one due.
 *
 * Crash   anywhere: the transaction stands or it does not; the next owner goes on from the committed offset.
 */
export const delayLineWork =
  (parts: DelayLineParts): PartitionWork =>
  async (log, lease) => {
    const { tier, ports, bounds } = parts;
    const { clock, report } = ports;
    const { partition } = log;
    const stop = lease.revoked;
    const owner = parts.ownerOf?.(log) ?? new PartitionOwner(log, { begin: 'own-topic' });
    try {
      let { offset: next } = await owner.acquire();
      report.waits(tier.name, partition, null);
      while (!stop.aborted) {
        // 1 · Source.
        const chunk = await log.read(next, { records: bounds.delayMaxRecords, waitMs: bounds.readWaitMs }, stop);
        const [head] = chunk.records;
        if (!head) {
          next = chunk.nextOffset;
          continue;
        }
        // 2 · Wait for the head. Never early: the clock is looked at again after each wait.
        const dueAtMs = head.timestampMs + tier.delayMs;
        while (clock.nowMs() < dueAtMs && !stop.aborted) await clock.sleep(dueAtMs - clock.nowMs(), stop);
        if (stop.aborted) break;
        // 3 · What is due goes back, in one transaction with the offset.
        const nowMs = clock.nowMs();
        const firstLater = chunk.records.findIndex(({ timestampMs }) => timestampMs + tier.delayMs > nowMs);
        const due = firstLater < 0 ? chunk.records : chunk.records.slice(0, firstLater);
        next = await giveBack(due, chunk.records[due.length]?.offset ?? chunk.nextOffset, { owner, parts, log });
      }
      report.waits(tier.name, partition, null);
    } catch (error) {
      // The work is begun again while the partition is still here: fence, read, go on.
      report.waits(tier.name, partition, stop.aborted ? null : error instanceof Error ? error.message : String(error));
      throw error;
    }
  };

type Line = Readonly<{ owner: Owner; parts: DelayLineParts; log: PartitionLog }>;

/**
 * Halves what is too large until one record stands alone, which goes to the DLQ by its digest (rule 8): its destination's topic takes
 * less than it did, and nobody else's retries wait for that. Answers the offset behind what was given back.
 */
async function giveBack(due: readonly LogRecord[], nextOffset: number, line: Line): Promise<number> {
  const records: OutRecord[] = [];
  for (const record of due) records.push(...(await routed(record, line)));
  try {
    await line.owner.settle({ records, offset: nextOffset, settled: [] });
  } catch (error) {
    if (!(error instanceof LogError && error.code === 'too-large')) throw error;
    if (due.length < 2) {
      await line.owner.settle({ records: await byDigest(due[0]!, line), offset: nextOffset, settled: [] });
      return nextOffset;
    }
    const half = Math.ceil(due.length / 2);
    await giveBack(due.slice(0, half), due[half]!.offset, line);
    return giveBack(due.slice(half), nextOffset, line);
  }
  return nextOffset;
}

/** The value goes back as it came: nothing is encoded anew. */
async function routed(record: LogRecord, line: Line): Promise<readonly OutRecord[]> {
  const { parts } = line;
  const { topics, codec } = parts.ports;
  const scope = scopeOf(line);
  const decoded = await readDelivery(record, codec);
  if (!decoded.ok) return unreadableRecords(record, decoded, scope);
  const delivery: Delivery = decoded.value;
  if (parts.known.has(delivery.destination)) {
    return [{ topic: topics.deliveries(delivery.destination), key: record.key, value: record.value, headers: headersOf(delivery.event) }];
  }
  const sinceMs = strangeSince(record) ?? record.timestampMs + parts.tier.delayMs;
  if (parts.ports.clock.nowMs() - sinceMs < parts.bounds.strangeMaxMs) {
    const headers = { ...headersOf(delivery.event), [STRANGE_SINCE]: String(Math.floor(sinceMs)) };
    return [{ topic: record.topic, partition: record.partition, key: record.key, value: record.value, headers }];
  }
  const reason = `destination ${delivery.destination} is not in the configuration any more`;
  return recordsOf(deadEnd(record, delivery, { reason, line }), scope);
}

/**
 * Since when the line has not known its destination. A new destination's retry may come to a replica that is older than it, in the
 * middle of a deployment: so it goes round once more (rule 24: nothing waits in the line for it), and is a dead letter only after that.
 */
const STRANGE_SINCE = 'hf-strange-since';

function strangeSince({ headers }: LogRecord): number | null {
  const text = headers[STRANGE_SINCE]?.toString() ?? '';
  return /^\d{1,16}$/.test(text) ? Number(text) : null;
}

async function byDigest(record: LogRecord, line: Line): Promise<readonly OutRecord[]> {
  const decoded = await readDelivery(record, line.parts.ports.codec);
  if (decoded.ok) return digestOf(deadEnd(record, decoded.value, { reason: 'too large to go back', line }), scopeOf(line));
  return unreadableRecords(
    { ...record, value: null, headers: record.headers },
    { ...decoded, message: `${decoded.message}; too large to keep` },
    scopeOf(line),
  );
}

function deadEnd(record: LogRecord, delivery: Delivery, { reason, line }: Readonly<{ reason: string; line: Line }>): End {
  const item = itemOf(record.offset, record.timestampMs, delivery);
  const { doubtful, quietat: quietAtMs, doubtsince: doubtSinceMs, maybetwice: maybeTwice } = delivery;
  const doubts = { doubtful, quietAtMs, doubtSinceMs, maybeTwice };
  return { kind: 'dead-lettered', item, atMs: line.parts.ports.clock.nowMs(), class: 'permanent', reason, spends: false, ...doubts };
}

const scopeOf = ({ parts, log }: Line): RecordScope => ({
  codec: parts.ports.codec,
  topics: parts.ports.topics,
  topic: log.topic,
  partition: log.partition,
});
