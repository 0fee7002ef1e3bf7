import type { Fact, FactKind, Fault, HistoryEntry, HoldfastEvent } from '#libs/domain/src/index.js';

/** One line of an event's history; only what is known stands in it. `at` in ms since the epoch, `position` as `topic/partition/offset`. */
export type TimelineEntry = {
  at: number;
  fact: FactKind;
  app: string;
  position?: string;
  destination?: string;
  delivery?: string;
  hop?: number;
  attempt?: number;
  class?: string;
  status?: number;
  error?: string;
  tookms?: number;
  rule?: string;
  stage?: string;
  verdict?: string;
  duplicateof?: string;
  destinations?: string[];
  tier?: string;
  until?: number;
  reason?: string;
  by?: string;
  faults?: Fault[];
};

/** The record in `hf.events` itself: that it stands there is the fact `received`. */
export type ReceivedEvent = Readonly<{ position: string; event: HoldfastEvent }>;

/** Where facts of one millisecond stand to each other: cause before effect. */
const ORDER: Record<FactKind, number> = {
  received: 0,
  judged: 1,
  attempted: 2,
  held: 3,
  settled: 4,
  'dead-lettered': 5,
  requeued: 6,
  discarded: 7,
};

/** Everything that happened to one event, in order; the attempts inside facts are lines of their own. */
export function foldTimeline(received: ReceivedEvent | null, facts: readonly Fact[]): TimelineEntry[] {
  const entries = received ? [receivedEntry(received)] : [];
  const seen = new Set<string>();
  for (const fact of facts) {
    // A retry's fact *is* its last attempt: what it waits for stands on that line.
    const attempts = fact.attempts.filter((attempt) => isNew(seen, fact, attempt));
    for (const attempt of attempts) entries.push(attemptEntry(fact, attempt, attempt === fact.attempts.at(-1)));
    const isToldByItsAttempts = fact.fact === 'attempted' && fact.attempts.length > 0;
    const isReceivedTwice = fact.fact === 'received' && received !== null;
    if (!isToldByItsAttempts && !isReceivedTwice) entries.push(factEntry(fact));
  }
  return entries
    .map((entry) => [entry, JSON.stringify(entry)] as const)
    .sort(([x, a], [y, b]) => x.at - y.at || ORDER[x.fact] - ORDER[y.fact] || (a < b ? -1 : a > b ? 1 : 0))
    .map(([entry]) => entry);
}

/** A later fact may carry an earlier one's attempts again: the whole history travels with a delivery. */
function isNew(seen: Set<string>, fact: Fact, attempt: HistoryEntry): boolean {
  const key = JSON.stringify([fact.destination, fact.delivery, attempt.attempt, attempt.at, attempt.stage]);
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

const receivedEntry = ({ position, event }: ReceivedEvent): TimelineEntry =>
  known({
    at: event.receivedat,
    fact: 'received' as const,
    app: 'ingest',
    position,
    reason: event.origin && `copied from ${event.origin}`,
    faults: event.faults,
  });

const attemptEntry = (fact: Fact, attempt: HistoryEntry, isLast: boolean): TimelineEntry =>
  known({
    at: attempt.at,
    fact: 'attempted' as const,
    app: fact.app,
    position: fact.position,
    destination: fact.destination,
    delivery: fact.delivery,
    hop: fact.hop,
    attempt: attempt.attempt,
    class: attempt.class,
    status: attempt.status,
    error: attempt.error,
    tookms: attempt.tookms,
    rule: attempt.rule,
    stage: attempt.stage,
    ...(isLast && fact.fact === 'attempted' ? { tier: fact.tier, until: fact.until, reason: fact.reason } : {}),
  });

const factEntry = (fact: Fact): TimelineEntry =>
  known({
    at: fact.at,
    fact: fact.fact,
    app: fact.app,
    position: fact.position,
    destination: fact.destination,
    delivery: fact.delivery,
    hop: fact.hop,
    attempt: fact.attempt,
    class: fact.class,
    verdict: fact.verdict,
    duplicateof: fact.duplicateof,
    destinations: fact.destinations,
    tier: fact.tier,
    until: fact.until,
    reason: fact.reason,
    by: fact.by,
    faults: fact.faults,
  });

/** Leaves out what is null or an empty list. */
function known(entry: { [K in keyof TimelineEntry]: TimelineEntry[K] | null } & Pick<TimelineEntry, 'at' | 'fact' | 'app'>): TimelineEntry {
  return Object.fromEntries(
    Object.entries(entry).filter(([, value]) => value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0)),
  ) as TimelineEntry;
}
