import type { Claim, ClaimAnswer } from '#libs/identity/src/index.js';
import { LogError, type PartitionReader } from '#libs/kafka/src/index.js';
import type { DedupeConfig, DedupePorts } from './dedupe.ports.js';
import type { Way } from './decide-routes.js';
import { eventClaims } from './event-claims.js';
import { readEvents } from './event-reading.js';
import { patiently } from './patience.js';

/** What is missing: everything from `reached` (or from where a key can still matter) up to `upTo`, seen from a record appended at `asOfMs`. */
export type Missing = Readonly<{
  topic: string;
  partition: number;
  incarnation: string;
  reached: number;
  upTo: number;
  asOfMs: number;
  settled: number;
}>;

type RebuildPorts = Pick<DedupePorts, 'reader' | 'seen' | 'codec' | 'clock' | 'tell'>;

/** Leaders' clocks may differ a little, so append times may step back by this. */
const clockSkewMaxMs = 60_000;
const readWaitMs = 1_000;

/**
 * Redis forgot: the same claims, over the missing range of the log, in order (rule 14). Nothing is written to Kafka: these
 * positions have their verdicts. Returns when the range is in, when the signal was aborted, or when retention moved past the range
 * under way; the caller's next claim tells which.
 *
 * A rebuild that begins at a window's edge cannot know what stood before it: a key whose first is older than the window, and which
 * was repeated inside it, is taken to begin with the repetition.
 */
export async function rebuildWindow(
  missing: Missing,
  ports: RebuildPorts,
  config: DedupeConfig,
  waysOf: (of: Readonly<{ source: string; type: string }>) => readonly Way[],
  signal: AbortSignal,
): Promise<void> {
  const { topic, partition, upTo, asOfMs } = missing;
  const startedMs = ports.clock.monotonicMs();
  const reader = ports.reader(topic, partition);
  const claim = claimer(missing, ports, config, signal);
  try {
    const floor = await windowStart(reader, upTo, asOfMs - config.windowMaxMs - clockSkewMaxMs, signal);
    const from = Math.max(missing.reached, floor);
    let cursor = from;
    let answer = await claim(floor, cursor, cursor, []);
    while (!signal.aborted && (cursor < upTo || answer.kind === 'refused')) {
      if (answer.kind === 'refused') cursor = Math.max(answer.reached, floor); // It forgot once more.
      ports.tell({ kind: 'rebuilding', partition, from, reached: cursor, upTo });
      const chunk = await reader.read(cursor, { records: config.batchMaxRecords, waitMs: readWaitMs }, signal);
      const next = Math.min(chunk.nextOffset, upTo);
      const within = chunk.records.filter(({ offset }) => offset < upTo);
      const events = await patiently(ports, { partition, during: 'reading schemas', signal }, () => readEvents(ports.codec, within));
      answer = await claim(floor, cursor, next, eventClaims(events, config, waysOf, asOfMs));
      if (answer.kind === 'judged') cursor = next;
    }
    if (cursor >= upTo) ports.tell({ kind: 'rebuilt', partition, from, upTo, tookMs: ports.clock.monotonicMs() - startedMs });
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'out-of-range') throw error;
  }
}

function claimer(
  { partition, incarnation, asOfMs, settled }: Missing,
  ports: RebuildPorts,
  { slackMs }: DedupeConfig,
  signal: AbortSignal,
) {
  const lagMs = Math.max(0, ports.clock.nowMs() - asOfMs);
  return (floor: number, from: number, next: number, claims: readonly Claim[]): Promise<ClaimAnswer> =>
    patiently(ports, { partition, during: 'rebuilding the window', signal }, () =>
      ports.seen.claim({ partition, incarnation, from, next, floor, settled, lagMs, slackMs, claims }),
    );
}

/** The first position appended at `sinceMs` or later, by halving: append times rise with the offset. At most `upTo`. */
async function windowStart(reader: PartitionReader, upTo: number, sinceMs: number, signal: AbortSignal): Promise<number> {
  let { startOffset: low } = await reader.bounds();
  let high = Math.max(low, upTo);
  while (low < high && !signal.aborted) {
    const middle = Math.floor((low + high) / 2);
    const { records, nextOffset } = await reader.read(middle, { records: 1, waitMs: readWaitMs }, signal);
    const record = records[0];
    if (record && record.offset < high && record.timestampMs < sinceMs) low = record.offset + 1;
    else if (!record && nextOffset > middle && nextOffset < high)
      low = nextOffset; // Markers alone.
    else high = middle;
  }
  return Math.min(low, upTo);
}
