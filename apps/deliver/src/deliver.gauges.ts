import type { TopicNames } from '#libs/domain/src/index.js';
import type { Clock, LogCluster } from '#libs/kafka/src/index.js';
import type { Metrics } from '#libs/observability/src/index.js';
import type { DeliverProcess } from './deliver.process.js';
import { holdReasons } from './gate.js';

const everyMs = 5_000;
const readWaitMs = 1_000;
/** Records of one delay line's partition that are looked at for their type; what stands behind them counts as `other`. */
const depthMaxRecords = 1_000;

export type GaugeParts = Readonly<{
  cluster: Pick<LogCluster, 'reader' | 'committed'>;
  process: Pick<DeliverProcess, 'status' | 'holds' | 'parked'>;
  metrics: Pick<Metrics<'deliver'>, 'retryDepth' | 'holdSeconds' | 'parkedDepth'>;
  boundedType(type: string): string;
  clock: Clock;
  topics: TopicNames;
  tiers: readonly Readonly<{ name: string }>[];
  destinations: readonly string[];
}>;

/** Keeps what is measured and not counted, for the partitions that are owned here, until the signal aborts. Kafka away: the last values stand. */
export async function watchGauges(parts: GaugeParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    measureHolds(parts);
    await measureDepths(parts).catch(() => {});
    await parts.clock.sleep(everyMs, signal);
  }
}

export function measureHolds({ process, metrics, destinations, clock }: GaugeParts): void {
  const nowMs = clock.nowMs();
  for (const destination of destinations) metrics.parkedDepth.set({ destination }, 0);
  for (const { destination, size } of process.parked()) metrics.parkedDepth.inc({ destination }, size);
  for (const destination of destinations) for (const reason of holdReasons) metrics.holdSeconds.set({ destination, reason }, 0);
  for (const { destination, reason, sinceMs } of process.holds())
    metrics.holdSeconds.set({ destination, reason }, Math.max(0, nowMs - sinceMs) / 1_000);
}

export async function measureDepths(parts: GaugeParts): Promise<void> {
  const { cluster, process, metrics, tiers, topics } = parts;
  const tierOf = new Map(tiers.map(({ name }) => [topics.retry(name), name]));
  for (const { group, topic, partitions } of process.status()) {
    const tier = tierOf.get(topic);
    if (tier === undefined) continue;
    const depths = new Map<string, number>();
    const add = (type: string, count: number): void => void depths.set(type, (depths.get(type) ?? 0) + count);
    for (const partition of partitions) {
      const reader = cluster.reader(topic, partition, 'glance');
      const { startOffset, endOffset } = await reader.bounds();
      const from = Math.max((await cluster.committed(group, topic, partition))?.offset ?? startOffset, startOffset);
      if (from >= endOffset) continue;
      const { records, nextOffset } = await reader.read(from, { records: depthMaxRecords, waitMs: readWaitMs });
      for (const { headers } of records) add(parts.boundedType(headers['ce_type']?.toString('utf8') ?? ''), 1);
      if (endOffset > nextOffset) add('other', endOffset - nextOffset);
    }
    // A type that has left the line is told as 0: left alone, its last depth would stand for good.
    for (const { labels } of (await metrics.retryDepth.get()).values) {
      if (labels.tier === tier && !depths.has(String(labels.type))) depths.set(String(labels.type), 0);
    }
    for (const [type, depth] of depths) metrics.retryDepth.set({ tier, type }, depth);
  }
}
