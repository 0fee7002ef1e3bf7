import type { Clock, LogCluster } from '#libs/kafka/src/index.js';
import type { Metrics } from '#libs/observability/src/index.js';
import type { DedupeProcess } from './dedupe.process.js';
import type { DedupeTelling } from './dedupe.telling.js';

const everyMs = 5_000;

type Parts = Readonly<{
  cluster: Pick<LogCluster, 'reader'>;
  process: Pick<DedupeProcess, 'group' | 'topic'>;
  telling: Pick<DedupeTelling, 'offsets'>;
  metrics: Pick<Metrics<'dedupe'>, 'lagRecords' | 'timeToLossSeconds'>;
  clock: Clock;
  retentionMs: number;
}>;

/** Keeps lag and time to loss of the partitions that are owned here, until the signal is aborted. Kafka away: the last values stand. */
export async function watchLag(parts: Parts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await measureLag(parts).catch(() => {});
    await parts.clock.sleep(everyMs, signal);
  }
}

/** Lag counts from what is settled, or known to be a mere marker, to the last stable offset (rule 6). */
export async function measureLag({ cluster, process, telling, metrics, clock, retentionMs }: Parts): Promise<void> {
  const { group, topic } = process;
  let lag = 0;
  let leftMs = retentionMs;
  for (const [partition, offset] of telling.offsets()) {
    const reader = cluster.reader(topic, partition);
    const { startOffset, endOffset } = await reader.bounds();
    const behind = Math.max(0, endOffset - Math.max(offset, startOffset));
    lag += behind;
    if (behind === 0) continue;
    const { records } = await reader.read(Math.max(offset, startOffset), { records: 1, waitMs: 0 });
    if (records[0]) leftMs = Math.min(leftMs, records[0].timestampMs + retentionMs - clock.nowMs());
  }
  metrics.lagRecords.set({ group, topic }, lag);
  if (retentionMs >= 0) metrics.timeToLossSeconds.set({ topic }, Math.max(0, leftMs) / 1_000);
}
