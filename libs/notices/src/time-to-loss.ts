import type { Clock, LogCluster, SourceStatus } from '#libs/kafka/src/index.js';
import { behindOf } from '#libs/observability/src/index.js';
import { decideTimeToLoss } from './decide-time-to-loss.js';
import type { Notices, Said } from './notices.port.js';

export type TimeToLossParts = Readonly<{
  cluster: Pick<LogCluster, 'reader' | 'committed' | 'partitions'>;
  notices: Notices;
  clock: Clock;
  sources(): readonly Pick<SourceStatus, 'group' | 'topic'>[];
  /** Null: not known, or without end. */
  retentionMsOf(topic: string): number | null;
  /** Whose lane the topic is, with its own runbook if it names one. */
  destinationOf?(topic: string): Readonly<{ name: string; runbook: string | null }> | null;
}>;

const everyMs = 30_000;

/**
 * Looks until the signal aborts. Over all partitions, not those this process owns: else a replica whose partitions are fine would say
 * that it is over. What cannot be looked at is neither raised nor resolved.
 */
export async function watchTimeToLoss(parts: TimeToLossParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const source of parts.sources()) await tellTimeToLoss(parts, source).catch(() => {});
    await parts.clock.sleep(everyMs, signal);
  }
}

export async function tellTimeToLoss(parts: TimeToLossParts, at: Readonly<{ group: string; topic: string }>): Promise<void> {
  const { clock, notices, destinationOf } = parts;
  const { group, topic } = at;
  const retentionMs = parts.retentionMsOf(topic);
  const partitions = retentionMs === null ? null : await parts.cluster.partitions(topic);
  if (retentionMs === null || partitions === null) return;
  let [records, oldestMs]: [number, number | null] = [0, null];
  for (let partition = 0; partition < partitions; partition++) {
    const behind = await behindOf(parts, { group, topic, partition });
    records += behind.records;
    if (behind.oldestMs !== null) oldestMs = Math.min(oldestMs ?? Infinity, behind.oldestMs);
  }
  const leftMs = oldestMs === null ? retentionMs : Math.max(0, oldestMs + retentionMs - clock.nowMs());
  const destination = destinationOf?.(topic) ?? null;
  const about = { alert: 'time-to-loss', group: `${group} ${topic}`, ...(destination && { destination: destination.name }) } as const;
  const said = (text: string) => async (): Promise<Said> => ({
    ...{ text, count: records, correlationIds: [] },
    runbook: destination?.runbook ?? 'docs/runbooks/time-to-loss.md',
  });
  const left = `${hoursOf(leftMs)} of ${hoursOf(retentionMs)} are left until retention deletes it`;
  const verdict = decideTimeToLoss(leftMs, retentionMs);
  if (verdict === 'raise') notices.raise(about, said(`${topic}: ${records} records wait for ${group}; of the oldest, ${left}`));
  if (verdict === 'resolve') notices.resolve(about, said(`${topic}: the oldest record that waits for ${group} is safe again`));
}

/** `3.5 h`, `12 min`. */
const hoursOf = (ms: number): string => (ms < 3_600_000 ? `${Math.floor(ms / 60_000)} min` : `${Math.floor(ms / 360_000) / 10} h`);
