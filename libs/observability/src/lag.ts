import { decodeCommitMetadata, type Clock, type LogCluster, type SourceStatus } from '#libs/kafka/src/index.js';
import type { Metrics } from './metrics.js';

export type LagParts = Readonly<{
  cluster: Pick<LogCluster, 'reader' | 'committed'>;
  /** The sources of this process, as they stand now. */
  sources(): readonly Pick<SourceStatus, 'group' | 'topic' | 'partitions'>[];
  metrics: Pick<Metrics, 'lagRecords' | 'timeToLossSeconds'>;
  clock: Clock;
  /** A topic's retention by time; null when it is not known, or without end. */
  retentionMsOf(topic: string): number | null;
}>;

const EVERY_MS = 5_000;
const READ_WAIT_MS = 1_000;

/**
 * Keeps `holdfast_lag_records` and `holdfast_time_to_loss_seconds` for the partitions this process owns, until the signal
 * aborts; the sum over replicas is the group's. While Kafka is away the last values stand.
 */
export async function watchLag(parts: LagParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await measureLag(parts).catch(() => {});
    await parts.clock.sleep(EVERY_MS, signal);
  }
}

/** Lag counts what is not settled up to the last stable offset; a tail of nothing but markers is no lag (rule 6). */
export async function measureLag(parts: LagParts): Promise<void> {
  for (const { group, topic, partitions } of parts.sources()) {
    const retentionMs = parts.retentionMsOf(topic);
    let lag = 0;
    let oldestMs: number | null = null;
    for (const partition of partitions) {
      const behind = await behindOf(parts, { group, topic, partition });
      lag += behind.records;
      if (behind.oldestMs !== null) oldestMs = Math.min(oldestMs ?? Infinity, behind.oldestMs);
    }
    parts.metrics.lagRecords.set({ group, topic }, lag);
    if (retentionMs === null) continue;
    const leftMs = oldestMs === null ? retentionMs : Math.max(0, oldestMs + retentionMs - parts.clock.nowMs());
    parts.metrics.timeToLossSeconds.set({ topic }, leftMs / 1_000);
  }
}

export type Behind = Readonly<{ records: number; oldestMs: number | null }>;
const NOT_BEHIND: Behind = { records: 0, oldestMs: null };

/** What a group has not settled of one partition. */
export async function behindOf(
  { cluster }: Pick<LagParts, 'cluster'>,
  at: { group: string; topic: string; partition: number },
): Promise<Behind> {
  const committed = await cluster.committed(at.group, at.topic, at.partition);
  const reader = cluster.reader(at.topic, at.partition, 'glance');
  const { startOffset, endOffset } = await reader.bounds();
  const from = Math.max(committed?.offset ?? startOffset, startOffset);
  if (from >= endOffset) return NOT_BEHIND;
  // A reader that has not fetched yet has nothing at once: without a wait, lag would read as none.
  const { records } = await reader.read(from, { records: 1, waitMs: READ_WAIT_MS });
  const [oldest] = records;
  if (!oldest) return NOT_BEHIND;
  const settled = committed ? (decodeCommitMetadata(committed.offset, committed.metadata)?.settled.length ?? 0) : 0;
  return { records: Math.max(1, endOffset - from - settled), oldestMs: oldest.timestampMs };
}
