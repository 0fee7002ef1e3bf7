import type { Codec } from '#libs/contracts/src/index.js';
import { isNewer, type Rank } from '#libs/delivery/src/index.js';
import { parsePosition, type Delivery, type TopicNames } from '#libs/domain/src/index.js';
import { revisionOrder } from '#libs/identity/src/index.js';
import type { LogCluster, LogRecord } from '#libs/kafka/src/index.js';
import { offsetSince, scanPartition } from '#libs/ledger/src/index.js';

export type PastParts = Readonly<{
  cluster: Pick<LogCluster, 'reader' | 'partitions'>;
  codec: Pick<Codec, 'decode'>;
  topics: TopicNames;
  destination: string;
  partition: number;
}>;

export type PastQuestion = Readonly<{
  entities: ReadonlySet<string>;
  /** Nothing that was appended before (ms since the epoch) can be newer. */
  sinceMs: number;
  /** What stands from this offset on is in the lanes. */
  before: number;
  /** Of which deliveries: those that ask. */
  except: ReadonlySet<string>;
}>;

export const rankOf = ({ event, eventposition }: Delivery): Rank => ({
  revision: event.revision === null ? null : revisionOrder(event.revision),
  at: parsePosition(eventposition)?.offset ?? 0,
  eventposition,
});

/** Clocks of doors and brokers may differ by this much. */
const skewMs = 120_000;

/**
 * What the log says of entities that this owner did not see itself: the newest of each that was taken from the partition and has not
 * failed for certain. A newer delivery's first record stands behind an older one's in the destination's partition, so it is read from
 * when the oldest event that asks was received. Dead letters first: one that failed without an effect overtakes nobody.
 */
export async function readNewest(parts: PastParts, question: PastQuestion): Promise<ReadonlyMap<string, Rank>> {
  const failed = await failedSince(parts, question);
  const newest = new Map<string, Rank>();
  const reader = parts.cluster.reader(parts.topics.deliveries(parts.destination), parts.partition);
  const bounds = await reader.bounds();
  const from = await offsetSince(reader, bounds, question.sinceMs - skewMs);
  await scanPartition(reader, { from, to: Math.min(question.before, bounds.endOffset) }, async (record) => {
    const delivery = await mine(record, parts, question);
    if (!delivery || question.except.has(delivery.id) || (failed.get(delivery.id) ?? -1) >= delivery.hop) return;
    const rank = rankOf(delivery);
    const best = newest.get(delivery.event.subject);
    if (!best || isNewer(rank, best)) newest.set(delivery.event.subject, rank);
  });
  return newest;
}

/** By delivery id, the hop it ended at; a requeue begins another. */
async function failedSince(parts: PastParts, question: PastQuestion): Promise<ReadonlyMap<string, number>> {
  const { cluster, topics, destination, partition } = parts;
  const failed = new Map<string, number>();
  const [own, count] = await Promise.all([cluster.partitions(topics.deliveries(destination)), cluster.partitions(topics.dlq)]);
  // Topics are planned with one count; where they are not, an entity's dead letters may lie anywhere.
  const places = own === count ? [partition] : Array.from({ length: count ?? 0 }, (_, each) => each);
  for (const place of places) {
    const reader = cluster.reader(topics.dlq, place);
    const bounds = await reader.bounds();
    const from = await offsetSince(reader, bounds, question.sinceMs - skewMs);
    await scanPartition(reader, { from, to: bounds.endOffset }, async (record) => {
      const delivery = await mine(record, parts, question);
      if (delivery && !delivery.doubtful && !delivery.maybetwice) failed.set(delivery.id, delivery.hop);
    });
  }
  return failed;
}

async function mine(record: LogRecord, { codec, destination }: PastParts, { entities }: PastQuestion): Promise<Delivery | null> {
  if (!record.value || !record.key || !entities.has(record.key.toString())) return null;
  const read = await codec.decode('Delivery', record.value);
  return read.ok && read.value.destination === destination && read.value.ordering === 'latest-wins' ? read.value : null;
}
