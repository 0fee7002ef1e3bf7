import type { TopicNames } from '#libs/domain/src/index.js';
import type { Clock, LogCluster } from '#libs/kafka/src/index.js';
import type { Metrics } from '#libs/observability/src/index.js';
import type { DeliverProcess } from './deliver.process.js';
import type { DeliverTelling } from './deliver.telling.js';

const everyMs = 5_000;
/** Records of one delay line's partition that are looked at for their type; what stands behind them counts as `other`. */
const depthMaxRecords = 1_000;

export type GaugeParts = Readonly<{
  cluster: Pick<LogCluster, 'reader'>;
  process: Pick<DeliverProcess, 'status' | 'holds'>;
  telling: Pick<DeliverTelling, 'offsets'>;
  metrics: Pick<Metrics<'deliver'>, 'lagRecords' | 'timeToLossSeconds' | 'retryDepth' | 'holdSeconds'>;
  boundedType(type: string): string;
  clock: Clock;
  topics: TopicNames;
  tiers: readonly Readonly<{ name: string }>[];
  destinations: readonly string[];
  retentionMs: Readonly<{ deliveries: number; retry: number }>;
}>;

/** Keeps what is measured and not counted, for the partitions that are owned here, until the signal is aborted. Kafka away: the last values stand. */
export async function watchGauges(parts: GaugeParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await measure(parts).catch(() => {});
    await parts.clock.sleep(everyMs, signal);
  }
}

export async function measure(parts: GaugeParts): Promise<void> {
  measureHolds(parts);
  const tierOf = new Map(parts.tiers.map(({ name }) => [parts.topics.retry(name), name]));
  for (const { group, topic } of parts.process.status()) {
    await measureTopic(parts, { group, topic, tier: tierOf.get(topic) ?? null });
  }
}

function measureHolds({ process, metrics, destinations, clock }: GaugeParts): void {
  const held = new Map(process.holds().map((hold) => [hold.destination, hold]));
  for (const destination of destinations) {
    const hold = held.get(destination);
    const seconds = hold ? Math.max(0, clock.nowMs() - hold.sinceMs) / 1_000 : 0;
    metrics.holdSeconds.set({ destination, reason: 'throttled' }, seconds);
  }
}

async function measureTopic(
  parts: GaugeParts,
  { group, topic, tier }: { group: string; topic: string; tier: string | null },
): Promise<void> {
  const { cluster, telling, metrics, clock, retentionMs } = parts;
  const keptMs = tier === null ? retentionMs.deliveries : retentionMs.retry;
  const depths = new Map<string, number>();
  let lag = 0;
  let leftMs = keptMs;
  for (const [partition, offset] of telling.offsets().get(topic) ?? []) {
    const reader = cluster.reader(topic, partition);
    const { startOffset, endOffset } = await reader.bounds();
    const from = Math.max(offset, startOffset);
    const behind = Math.max(0, endOffset - from);
    lag += behind;
    if (behind === 0) continue;
    const { records, nextOffset } = await reader.read(from, { records: tier === null ? 1 : depthMaxRecords, waitMs: 0 });
    if (records[0]) leftMs = Math.min(leftMs, records[0].timestampMs + keptMs - clock.nowMs());
    for (const { headers } of records) add(depths, parts.boundedType(headers['ce_type']?.toString('utf8') ?? ''), 1);
    add(depths, 'other', Math.max(0, endOffset - nextOffset));
  }
  metrics.lagRecords.set({ group, topic }, lag);
  if (keptMs >= 0) metrics.timeToLossSeconds.set({ topic }, Math.max(0, leftMs) / 1_000);
  if (tier === null) return;
  metrics.retryDepth.remove({ tier });
  for (const [type, depth] of depths) metrics.retryDepth.set({ tier, type }, depth);
}

const add = (depths: Map<string, number>, type: string, count: number): void => void depths.set(type, (depths.get(type) ?? 0) + count);
