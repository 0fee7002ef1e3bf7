import type { DeliveredVerdict, Fact } from '#libs/domain/src/index.js';

/** A delivery record as it stands in the log: `hf.deliveries.*`, a delay line, `hf.parked.*` or `hf.dlq`. */
export type DeliveryTrace = Readonly<{
  delivery: string;
  destination: string;
  eventposition: string;
  hop: number;
  attempt: number;
  room: 'queue' | 'delay-line' | 'parked' | 'dlq';
  position: string;
  /** Append time, ms since the epoch. */
  appendedat: number;
  /** A delay line's: when its record is due (rule 24). */
  until: number | null;
  reason: string | null;
  class: string | null;
}>;

/**
 * What is known of the log beside the facts. For `lost` to be sound, committed offsets are read *before* the facts and records
 * are: what a commit had passed by then was written by then.
 */
export type LogKnowledge = Readonly<{
  traces: readonly DeliveryTrace[];
  /** Whether the committed offset of the group that reads this position has passed it; null: not known. */
  passed(position: string): boolean | null;
}>;

/** What became of one event at one destination. Times in ms since the epoch. */
export type DestinationVerdict =
  | { verdict: DeliveredVerdict; at: number; position: string; attempt: number | null; status: number | null; why: string | null }
  | { verdict: 'duplicate-suppressed'; duplicateof: string | null }
  | { verdict: 'superseded'; by: string | null; at: number }
  | {
      verdict: 'waiting';
      where: string;
      until: number | null;
      attempt: number | null;
      class: string | null;
      reason: string | null;
      /** For an operator's word, in the DLQ or parked: nothing goes on by itself. */
      held: boolean;
    }
  | { verdict: 'dead-lettered'; where: string; at: number; class: string | null; status: number | null; reason: string | null }
  | { verdict: 'discarded'; by: string | null; reason: string | null; at: number }
  | { verdict: 'invalid' }
  | { verdict: 'lost'; position: string; why: string };

const DELIVERED: readonly string[] = ['delivered-once', 'delivered-once-by-proof', 'delivered-maybe-twice'] satisfies DeliveredVerdict[];

/**
 * The verdict of one event at one destination, from its facts (a factSet) and what else the log shows.
 *
 * A delivery's way is ordered by `hop`, not by clocks: what its highest hop says is what became of it.
 *
 * | at the highest hop                | verdict                                     |
 * | --------------------------------- | ------------------------------------------- |
 * | settled                           | its own; delivered at two positions: `delivered-maybe-twice` |
 * | discarded                         | discarded                                   |
 * | requeued                          | waiting, in the destination's queue         |
 * | dead-lettered                     | dead-lettered                               |
 * | held, parked                      | waiting, where in the parked topic and since when |
 * | held                              | waiting, held, and where in the DLQ         |
 * | a record in the DLQ, no fact seen | dead-lettered                               |
 * | attempted with a tier             | waiting, in that delay line                 |
 * | a record, its offset passed, no fact of it | lost                               |
 * | nothing else                      | waiting                                     |
 */
export function foldDestination(destination: string, facts: readonly Fact[], log: LogKnowledge): DestinationVerdict {
  const deliveredFacts = facts.filter((fact) => fact.fact === 'settled' && DELIVERED.includes(fact.verdict ?? ''));
  if (deliveredFacts.length > 0) return delivered(deliveredFacts, facts);

  // A record in the DLQ is where a hop ended, not a hop on the way.
  const dlq = latest(log.traces.filter((trace) => trace.room === 'dlq'));
  const onTheWay = log.traces.filter((trace) => trace.room !== 'dlq');
  const hop = Math.max(0, ...facts.map((fact) => fact.hop ?? 0), ...onTheWay.map((trace) => trace.hop));
  const here = facts.filter((fact) => (fact.hop ?? 0) === hop);
  const last = (kind: Fact['fact']) => here.filter((fact) => fact.fact === kind).at(-1);
  const trace = latest(onTheWay.filter((each) => each.hop === hop));

  const settled = last('settled');
  if (settled) return { verdict: 'superseded', by: settled.duplicateof, at: settled.at };
  const discarded = last('discarded');
  if (discarded) return { verdict: 'discarded', by: discarded.by, reason: discarded.reason, at: discarded.at };
  const requeued = last('requeued');
  if (requeued) {
    const reason = `requeued by ${requeued.by ?? 'unknown'}: ${requeued.reason ?? ''}`;
    return waiting(destination, { trace: trace?.room === 'queue' ? trace : null, reason });
  }
  const held = last('held');
  if (trace?.room === 'parked' || held?.tier === PARKED) {
    const loss = trace && lossOf(trace, facts, log);
    return loss ?? parked(destination, facts, trace ?? null);
  }
  const dead = last('dead-lettered');
  if (dead) return deadLettered(dead, dlq);
  if (held && !last('attempted'))
    return {
      verdict: 'waiting',
      where: dlq?.position ?? 'dead letters',
      until: held.until,
      attempt: held.attempt,
      class: held.class,
      reason: `held for an operator: ${held.reason ?? ''}`,
      held: true,
    };
  if (dlq && dlq.hop >= hop) {
    return { verdict: 'dead-lettered', where: dlq.position, at: dlq.appendedat, class: dlq.class, status: null, reason: dlq.reason };
  }
  const attempted = facts.filter((fact) => fact.fact === 'attempted').at(-1) ?? null;
  const loss = trace && lossOf(trace, facts, log);
  if (loss) return loss;
  return waiting(destination, { trace: trace ?? null, attempted });
}

/** What deliver's facts call the parked topic. */
const PARKED = 'parked';

/** A strict entity's head, or one behind it: the last fact of it says which, the first one since when. */
function parked(destination: string, facts: readonly Fact[], trace: DeliveryTrace | null): DestinationVerdict {
  const told = facts.filter((fact) => fact.tier === PARKED).sort((a, b) => (a.hop ?? 0) - (b.hop ?? 0));
  const [first, last] = [told[0], told.at(-1)];
  const since = first ? ` since ${new Date(first.at).toISOString()}` : '';
  return {
    verdict: 'waiting',
    where: trace?.position ?? `the parked topic of ${destination}`,
    until: last?.until ?? null,
    attempt: last?.attempt ?? trace?.attempt ?? null,
    class: last?.class ?? trace?.class ?? null,
    reason: last ? `parked${since}: ${last.reason ?? ''}` : 'parked behind its entity',
    // One behind another waits for that one, one with a time for that: only a stopped head waits for an operator.
    held: last?.fact === 'held' && last.until === null && last.class !== PARKED,
  };
}

/** Two settlements, or two attempts that the partner took, are two effects, whatever each one said of itself. */
function delivered(settled: readonly Fact[], facts: readonly Fact[]): DestinationVerdict {
  const worst = settled.reduce((a, b) => (DELIVERED.indexOf(b.verdict!) > DELIVERED.indexOf(a.verdict!) ? b : a));
  const positions = new Set(settled.map((fact) => fact.position));
  const taken = new Map<string, number | null>();
  const requests = new Set<string>();
  for (const { attempt, at, stage, status, class: named } of facts.flatMap((fact) => fact.attempts)) {
    if (named !== 'delivered') continue;
    taken.set(`${stage ?? ''} ${attempt}@${at}`, status);
    requests.add(stage ?? '');
  }
  const common = { at: worst.at, position: worst.position, attempt: worst.attempt, status: [...taken.values()].at(-1) ?? null };
  if (positions.size > 1)
    return { verdict: 'delivered-maybe-twice', ...common, why: `settled as delivered at ${[...positions].sort().join(' and ')}` };
  // Each request of a sequence is taken once.
  if (taken.size > requests.size)
    return { verdict: 'delivered-maybe-twice', ...common, why: `${taken.size} attempts were answered as delivered` };
  return { verdict: worst.verdict as DeliveredVerdict, ...common, why: worst.reason };
}

function deadLettered(dead: Fact, trace: DeliveryTrace | undefined): DestinationVerdict {
  const status = dead.attempts.at(-1)?.status ?? null;
  return {
    verdict: 'dead-lettered',
    where: trace?.position ?? 'dead letters',
    at: dead.at,
    class: dead.class,
    status,
    reason: dead.reason,
  };
}

/** A record that its reader has passed must have left a fact at its position; one of a delay line must stand in the queue again. */
function lossOf(trace: DeliveryTrace, facts: readonly Fact[], log: LogKnowledge): DestinationVerdict | null {
  if (log.passed(trace.position) !== true || facts.some((fact) => fact.position === trace.position)) return null;
  const why =
    trace.room === 'delay-line'
      ? 'the delay line has passed it, and it is in no queue'
      : 'the committed offset has passed it, and there is no fact';
  return { verdict: 'lost', position: trace.position, why };
}

function waiting(
  destination: string,
  known: { trace: DeliveryTrace | null; attempted?: Fact | null; reason?: string },
): DestinationVerdict {
  const { trace, attempted, reason } = known;
  const isInLine = trace ? trace.room === 'delay-line' : Boolean(attempted?.tier);
  return {
    verdict: 'waiting',
    where: trace?.position ?? (isInLine ? `delay line ${attempted?.tier}` : `the queue of ${destination}`),
    until: isInLine ? (trace?.until ?? attempted?.until ?? null) : null,
    attempt: attempted?.attempt ?? trace?.attempt ?? null,
    class: attempted?.class ?? attempted?.attempts.at(-1)?.class ?? trace?.class ?? null,
    reason: reason ?? attempted?.reason ?? null,
    held: false,
  };
}

/** Append times of two topics may be equal; a queue is later than the delay line that feeds it. */
function latest(traces: readonly DeliveryTrace[]): DeliveryTrace | undefined {
  const rank = { 'delay-line': 0, parked: 1, queue: 2, dlq: 3 };
  return [...traces]
    .sort((a, b) => a.hop - b.hop || a.appendedat - b.appendedat || rank[a.room] - rank[b.room] || (a.position < b.position ? -1 : 1))
    .at(-1);
}
