import type { Fact } from '#libs/domain/src/index.js';

/**
 * What one event stands at, at one destination or (destination `''`) as an event: a row to search by. The whole story with its
 * evidence is `foldHistories`; this is its last word, kept up to date one fact at a time.
 */
export type Standing = Readonly<{
  eventposition: string;
  destination: string;
  id: string;
  type: string;
  source: string;
  verdict: string;
  hop: number;
  weight: number;
  at: number;
  position: string;
  duplicateof: string | null;
  class: string | null;
  reason: string | null;
}>;

/** A delivered verdict outlives every hop: what took effect is not undone by a later word. */
export const DELIVERED_HOP = 2_147_483_647;

/** At the same hop the heavier word stays; the order is that of `foldDestination`. */
const WEIGHTS = { routed: 0, held: 1, attempted: 2, dead: 3, requeued: 4, discarded: 5, superseded: 6 } as const;
export const MAYBE_TWICE = 'delivered-maybe-twice';
const DELIVERED_WEIGHTS: Readonly<Record<string, number>> = { 'delivered-once': 10, 'delivered-once-by-proof': 11, [MAYBE_TWICE]: 12 };

/** What one fact says of standings; most say one thing, a judgement says one for the event and one for each destination. */
export function standingsOf(fact: Fact): Standing[] {
  const { eventposition, id, type, source, at, position, duplicateof, class: named, reason } = fact;
  const common = { eventposition, id, type, source, at, position, duplicateof, class: named, reason };
  const destination = fact.destination ?? '';
  const hop = fact.hop ?? 0;
  const one = (verdict: string, weight: number): Standing[] => [{ ...common, destination, verdict, hop, weight }];
  switch (fact.fact) {
    case 'received':
      return [];
    case 'judged':
      return judged(fact, common);
    case 'attempted':
      return one('waiting', WEIGHTS.attempted);
    case 'held':
      return one('waiting', WEIGHTS.held);
    case 'dead-lettered':
      return one('dead-lettered', WEIGHTS.dead);
    case 'requeued':
      return one('waiting', WEIGHTS.requeued);
    case 'discarded':
      return one('discarded', WEIGHTS.discarded);
    case 'settled': {
      const weight = DELIVERED_WEIGHTS[fact.verdict ?? ''];
      if (weight === undefined) return one('superseded', WEIGHTS.superseded);
      return [{ ...common, destination, verdict: fact.verdict!, hop: DELIVERED_HOP, weight }];
    }
  }
}

type Common = Omit<Standing, 'destination' | 'verdict' | 'hop' | 'weight'>;

function judged(fact: Fact, common: Common): Standing[] {
  const verdict = fact.verdict ?? 'accepted';
  const kept = { duplicate: 'duplicate-suppressed', superseded: 'superseded', invalid: 'invalid' }[verdict];
  if (fact.destination !== null) {
    return kept === undefined ? [] : [{ ...common, destination: fact.destination, verdict: kept, hop: 0, weight: WEIGHTS.routed }];
  }
  const own: Standing = { ...common, destination: '', verdict, hop: 0, weight: verdict === 'accepted' ? 1 : 0 };
  const routed = fact.destinations.map((destination): Standing => ({
    ...common,
    destination,
    verdict: kept ?? 'waiting',
    hop: 0,
    weight: WEIGHTS.routed,
  }));
  return [own, ...routed];
}

/** The later word of two about the same event and destination; commutative and associative, so facts may come in any order and again. */
export function laterStanding(a: Standing, b: Standing): Standing {
  const later = compare(a, b) > 0 ? a : b;
  const isTwice = a.hop === DELIVERED_HOP && b.hop === DELIVERED_HOP && a.position !== b.position;
  return isTwice ? { ...later, verdict: MAYBE_TWICE, weight: DELIVERED_WEIGHTS[MAYBE_TWICE]! } : later;
}

const compare = (a: Standing, b: Standing): number =>
  a.hop - b.hop || a.weight - b.weight || a.at - b.at || (a.position === b.position ? 0 : a.position > b.position ? 1 : -1);

/** One standing for each event and destination of a batch of facts. */
export function foldStandings(facts: readonly Fact[]): Standing[] {
  const folded = new Map<string, Standing>();
  for (const standing of facts.flatMap(standingsOf)) {
    const key = `${standing.eventposition}\n${standing.destination}`;
    const known = folded.get(key);
    folded.set(key, known === undefined ? standing : laterStanding(known, standing));
  }
  return [...folded.values()];
}
