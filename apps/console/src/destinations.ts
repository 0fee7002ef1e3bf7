import type { BreakerState, BreakerStore } from '#libs/breaker/src/index.js';
import type { GroupNames, TopicNames } from '#libs/domain/src/index.js';
import type { Clock, LogCluster } from '#libs/kafka/src/index.js';
import type { DestinationsReader, DestinationStatus } from './console.ports.js';

export type DestinationsParts = Readonly<{
  names: readonly string[];
  cluster: Pick<LogCluster, 'committed' | 'partitions' | 'reader'>;
  breakers: Pick<BreakerStore, 'read'>;
  topics: TopicNames;
  groups: GroupNames;
  retentionMs: number;
  clock: Clock;
}>;

/** A page that is looked at by many asks Kafka as often as one would. */
const FRESH_MS = 2_000;

export function destinationsReader(parts: DestinationsParts): DestinationsReader {
  let known: Readonly<{ atMs: number; items: Promise<readonly DestinationStatus[]> }> | null = null;
  return {
    list: () => {
      const nowMs = parts.clock.monotonicMs();
      if (!known || nowMs - known.atMs > FRESH_MS) {
        const items = Promise.all(parts.names.map((name) => statusOf(name, parts)));
        known = { atMs: nowMs, items };
        items.catch(() => (known = null));
      }
      return known.items;
    },
  };
}

async function statusOf(name: string, parts: DestinationsParts): Promise<DestinationStatus> {
  const [{ state }, behind] = await Promise.all([parts.breakers.read(name), behindOf(name, parts)]);
  const { retentionMs, clock } = parts;
  const leftMs = behind.oldestMs === null ? retentionMs : Math.max(0, behind.oldestMs + retentionMs - clock.nowMs());
  return { destination: name, ...breakerOf(state), lagRecords: behind.records, timeToLossSeconds: Math.round(leftMs / 1_000) };
}

/** An operator's open breaker is a pause: nothing probes it. */
function breakerOf(state: BreakerState | null): Pick<DestinationStatus, 'breaker' | 'why' | 'hold'> {
  if (!state || state.phase.kind === 'closed') return { breaker: 'closed', why: null, hold: null };
  const { phase, outage } = state;
  if (phase.kind !== 'open') return { breaker: 'half-open', why: outage?.cause ?? null, hold: null };
  const reason = phase.nextProbeMs === null ? 'paused' : 'breaker';
  return { breaker: 'open', why: outage?.cause ?? null, hold: { reason, sinceMs: outage?.sinceMs ?? 0, untilMs: phase.nextProbeMs } };
}

async function behindOf(name: string, parts: DestinationsParts): Promise<Readonly<{ records: number; oldestMs: number | null }>> {
  const { cluster, topics, groups } = parts;
  const topic = topics.deliveries(name);
  let records = 0;
  let oldestMs: number | null = null;
  for (let partition = 0; partition < ((await cluster.partitions(topic)) ?? 0); partition++) {
    const committed = await cluster.committed(groups.deliver(name), topic, partition);
    const reader = cluster.reader(topic, partition);
    const { startOffset, endOffset } = await reader.bounds();
    const from = Math.max(committed?.offset ?? startOffset, startOffset);
    if (from >= endOffset) continue;
    // A tail of nothing but markers is no lag.
    const [oldest] = (await reader.read(from, { records: 1, waitMs: 500 })).records;
    if (!oldest) continue;
    records += endOffset - from;
    oldestMs = Math.min(oldestMs ?? Infinity, oldest.timestampMs);
  }
  return { records, oldestMs };
}
