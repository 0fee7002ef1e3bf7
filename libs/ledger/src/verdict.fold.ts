import type { Fact, Fault, JudgedVerdict } from '#libs/domain/src/index.js';
import { foldDestination, type DestinationVerdict, type LogKnowledge } from './destination.fold.js';
import { factSet } from './fact-set.fold.js';
import { foldTimeline, type ReceivedEvent, type TimelineEntry } from './timeline.fold.js';

/** `pending`: not judged yet. `lost`: dedupe's committed offset has passed it and there is no verdict; must never appear. */
export type EventVerdict = JudgedVerdict | 'pending' | 'lost';

/** One event's history and what it comes to. `event` holds null where only facts are left (the event log keeps 30 days, facts 90). */
export type EventHistory = Readonly<{
  event: Readonly<{
    id: string;
    position: string;
    correlationid: string;
    type: string;
    source: string;
    entity: string | null;
    receivedat: number | null;
    origin: string | null;
  }>;
  verdict: EventVerdict;
  /** The position that a duplicate doubles, or that superseded it. */
  duplicateof: string | null;
  faults: readonly Fault[];
  verdicts: Readonly<Record<string, DestinationVerdict>>;
  timeline: readonly TimelineEntry[];
  /** Contradictions between facts; each one is a bug of ours, so it is shown and not smoothed over. */
  conflicts: readonly string[];
}>;

export type Evidence = LogKnowledge & Readonly<{ received: readonly ReceivedEvent[]; facts: readonly Fact[] }>;

/**
 * The histories in a heap of facts, one for each position in `hf.events` (two events may come under one id), oldest first.
 * Neither the order of the facts nor their repetition matters (rule 27).
 */
export function foldHistories(evidence: Evidence): EventHistory[] {
  const facts = factSet(evidence.facts);
  const byPosition = new Map<string, { received: ReceivedEvent | null; facts: Fact[] }>();
  for (const received of evidence.received) byPosition.set(received.position, { received, facts: [] });
  for (const fact of facts) {
    const known = byPosition.get(fact.eventposition);
    if (known) known.facts.push(fact);
    else byPosition.set(fact.eventposition, { received: null, facts: [fact] });
  }
  return [...byPosition]
    .map(([position, of]) => foldOne(position, of, evidence))
    .sort((a, b) => firstAt(a) - firstAt(b) || (a.event.position < b.event.position ? -1 : 1));
}

const firstAt = (history: EventHistory): number => history.event.receivedat ?? history.timeline[0]?.at ?? 0;

function foldOne(position: string, of: { received: ReceivedEvent | null; facts: Fact[] }, log: LogKnowledge): EventHistory {
  const { received, facts } = of;
  const judged = facts.filter((fact) => fact.fact === 'judged' && fact.destination === null);
  const verdict = eventVerdict(position, judged, log);
  const first = judged[0];
  return {
    event: eventOf(position, received, facts),
    verdict,
    duplicateof: first?.duplicateof ?? null,
    faults: first?.faults.length ? first.faults : (received?.event.faults ?? []),
    verdicts: destinationVerdicts(position, facts, log),
    timeline: foldTimeline(received, facts),
    conflicts: conflictsOf(judged),
  };
}

function eventVerdict(position: string, judged: readonly Fact[], log: LogKnowledge): EventVerdict {
  // A contradiction is shown as a conflict; the verdict that let something out is the one to worry about.
  const accepted = judged.find((fact) => fact.verdict === 'accepted');
  const word = (accepted ?? judged[0])?.verdict;
  if (word) return word as JudgedVerdict;
  return log.passed(position) === true ? 'lost' : 'pending';
}

function destinationVerdicts(position: string, facts: readonly Fact[], log: LogKnowledge): Record<string, DestinationVerdict> {
  const traces = log.traces.filter((trace) => trace.eventposition === position);
  const names = new Set<string>();
  for (const fact of facts) {
    for (const name of fact.destinations) names.add(name);
    if (fact.destination !== null) names.add(fact.destination);
  }
  for (const trace of traces) names.add(trace.destination);
  const verdicts = [...names].sort().map((name) => {
    const own = facts.filter((fact) => fact.destination === name && fact.fact !== 'judged');
    const tracesHere = traces.filter((trace) => trace.destination === name);
    const stopped = own.length === 0 && tracesHere.length === 0 ? stoppedByJudge(name, facts) : null;
    return [name, stopped ?? latestDelivery(name, own, { ...log, traces: tracesHere })] as const;
  });
  return Object.fromEntries(verdicts);
}

/** An event that dedupe kept back from this destination. */
function stoppedByJudge(name: string, facts: readonly Fact[]): DestinationVerdict | null {
  const judged = facts.filter((fact) => fact.fact === 'judged');
  if (judged.some((fact) => fact.verdict === 'accepted' && fact.destinations.includes(name))) return null;
  const spoken = judged.find((fact) => fact.destination === name) ?? judged.find((fact) => fact.destinations.includes(name));
  if (!spoken) return null;
  switch (spoken.verdict ?? '') {
    case 'duplicate':
      return { verdict: 'duplicate-suppressed', duplicateof: spoken.duplicateof };
    case 'superseded':
      return { verdict: 'superseded', by: spoken.duplicateof, at: spoken.at };
    case 'invalid':
      return { verdict: 'invalid' };
    default:
      return null;
  }
}

/** A replay is a delivery of its own to the same destination: the one that was heard of last speaks for it. */
function latestDelivery(name: string, facts: readonly Fact[], log: LogKnowledge): DestinationVerdict {
  const ids = new Set([...facts.map((fact) => fact.delivery ?? ''), ...log.traces.map((trace) => trace.delivery)]);
  if (ids.size <= 1) return foldDestination(name, facts, log);
  const newest = [...ids]
    .map((id) => {
      const own = facts.filter((fact) => (fact.delivery ?? '') === id);
      const traces = log.traces.filter((trace) => trace.delivery === id);
      return { id, own, traces, at: Math.max(...own.map((fact) => fact.at), ...traces.map((trace) => trace.appendedat)) };
    })
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
    .at(-1)!;
  return foldDestination(name, newest.own, { ...log, traces: newest.traces });
}

function eventOf(position: string, received: ReceivedEvent | null, facts: readonly Fact[]): EventHistory['event'] {
  const from = received?.event ?? facts[0];
  return {
    id: from?.id ?? '',
    position,
    correlationid: from?.correlationid ?? '',
    type: from?.type ?? '',
    source: from?.source ?? '',
    entity: received?.event.subject ?? null,
    receivedat: received?.event.receivedat ?? null,
    origin: received?.event.origin ?? null,
  };
}

function conflictsOf(judged: readonly Fact[]): string[] {
  const verdicts = [...new Set(judged.map((fact) => `${fact.verdict}${fact.duplicateof ? ` of ${fact.duplicateof}` : ''}`))].sort();
  return verdicts.length > 1 ? [`judged more than once: ${verdicts.join('; ')}`] : [];
}

/** Every loss in these histories, as sentences; empty is what it must be. */
export function lossesIn(histories: readonly EventHistory[]): string[] {
  return histories.flatMap((history) => [
    ...(history.verdict === 'lost' ? [`${history.event.position}: dedupe has passed it, and there is no verdict`] : []),
    ...Object.entries(history.verdicts).flatMap(([name, each]) =>
      each.verdict === 'lost' ? [`${name}: ${each.position}: ${each.why}`] : [],
    ),
  ]);
}
