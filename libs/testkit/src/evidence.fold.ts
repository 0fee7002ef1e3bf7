import type { Delivery, Fact, HoldfastEvent } from '#libs/domain/src/index.js';

/** Everything Kafka says of a run: the records themselves, without judging them. */
export type Evidence = Readonly<{
  events: readonly Readonly<{ position: string; event: HoldfastEvent }>[];
  facts: readonly Fact[];
  dead: readonly Delivery[];
  /** Records of `hf.invalid`; null where our own reader cannot read them either. */
  invalid: readonly (HoldfastEvent | null)[];
  /** Records that could not be decoded: `topic/partition/offset`. Zero in any healthy run. */
  unreadable: readonly string[];
}>;

/** What the facts of a run come to, and every way in which they do not add up (each list empty in a healthy run). */
export type EvidenceSummary = Readonly<{
  received: number;
  judged: Readonly<Record<string, number>>;
  /** By verdict, over all destinations; facts that were told twice count once. */
  settled: Readonly<Record<string, number>>;
  deadLettered: number;
  /** Events with a delivery that is held and was not settled. */
  held: readonly string[];
  invalid: number;
  /** Ids of events that were settled, by destination and verdict. */
  settledIds: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  duplicatesOf: readonly Readonly<{ position: string; of: string }>[];
  faults: Readonly<{
    unreadable: readonly string[];
    /** Positions in `hf.events` without a verdict. */
    unjudged: readonly string[];
    /** Positions with more than one verdict. */
    judgedTwice: readonly string[];
    /** Accepted, routed, and neither settled, dead-lettered, held nor discarded: `position → destination`. */
    unsettled: readonly string[];
    /** Deliveries settled at more than one position. */
    settledTwice: readonly string[];
    /** Duplicates that name a position which is not an accepted event of the same key. */
    wrongDuplicates: readonly string[];
    /** Keys that were accepted more than once. */
    acceptedTwice: readonly string[];
  }>;
}>;

/** What is held waits for an operator: nothing more comes by itself. */
const ENDS: readonly string[] = ['settled', 'dead-lettered', 'discarded', 'held'];

export function foldEvidence({ events, facts, dead, invalid, unreadable }: Evidence): EvidenceSummary {
  const judged = new Map<string, Fact[]>();
  const ends = new Map<string, Fact[]>();
  for (const fact of facts) {
    if (fact.fact === 'judged') push(judged, fact.eventposition, fact);
    // What is parked goes on by itself, or is counted by nobody as an end.
    if (ENDS.includes(fact.fact) && fact.destination !== null && fact.tier !== 'parked')
      push(ends, `${fact.eventposition} → ${fact.destination}`, fact);
  }
  const keys = new Map(events.map(({ position, event }) => [position, keyOf(event)]));
  const accepted = [...judged.values()].map((list) => list[0]!).filter((fact) => fact.verdict === 'accepted');
  const settled = [...ends.values()].map((list) => list.find((fact) => fact.fact === 'settled')).filter((fact) => fact !== undefined);
  return {
    received: events.length,
    judged: countBy([...judged.values()].map((list) => list[0]!.verdict ?? '')),
    settled: countBy(settled.map((fact) => fact.verdict ?? '')),
    deadLettered: dead.length,
    held: [...ends.values()].filter((list) => list.every((fact) => fact.fact === 'held')).map((list) => list[0]!.id),
    invalid: invalid.length,
    settledIds: groupIds(settled),
    duplicatesOf: duplicatesOf(judged),
    faults: {
      unreadable,
      unjudged: events.map(({ position }) => position).filter((position) => !judged.has(position)),
      judgedTwice: [...judged]
        .filter(([, list]) => new Set(list.map((fact) => fact.verdict)).size > 1 || list.length > 1)
        .map(([position]) => position),
      unsettled: accepted
        .flatMap((fact) => fact.destinations.map((name) => `${fact.eventposition} → ${name}`))
        .filter((way) => !ends.has(way)),
      settledTwice: [...ends]
        .filter(([, list]) => new Set(list.filter((fact) => fact.fact === 'settled').map((fact) => fact.position)).size > 1)
        .map(([way]) => way),
      wrongDuplicates: wrongDuplicates(judged, keys),
      acceptedTwice: repeated(accepted.map((fact) => keys.get(fact.eventposition) ?? fact.eventposition)),
    },
  };
}

/** The names of the faults that are there, for a message; empty when all adds up. */
export const faultsOf = ({ faults }: EvidenceSummary): Record<string, readonly string[]> =>
  Object.fromEntries(
    Object.entries(faults)
      .filter(([, list]) => list.length > 0)
      .map(([name, list]) => [`${name} (${list.length})`, list.slice(0, 5)]),
  );

const keyOf = (event: HoldfastEvent): string => `${event.type} ${event.idempotencykey}`;

function duplicatesOf(judged: ReadonlyMap<string, readonly Fact[]>): { position: string; of: string }[] {
  return [...judged].flatMap(([position, [fact]]) => (fact?.verdict === 'duplicate' ? [{ position, of: fact.duplicateof ?? '' }] : []));
}

function wrongDuplicates(judged: ReadonlyMap<string, readonly Fact[]>, keys: ReadonlyMap<string, string>): string[] {
  return duplicatesOf(judged)
    .filter(({ position, of }) => judged.get(of)?.[0]?.verdict !== 'accepted' || keys.get(of) !== keys.get(position))
    .map(({ position, of }) => `${position} says it doubles ${of}`);
}

function groupIds(settled: readonly Fact[]): Record<string, Record<string, string[]>> {
  const groups: Record<string, Record<string, string[]>> = {};
  for (const { destination, verdict, id } of settled) ((groups[destination ?? ''] ??= {})[verdict ?? ''] ??= []).push(id);
  return groups;
}

function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

function repeated(words: readonly string[]): string[] {
  return Object.entries(countBy(words))
    .filter(([, count]) => count > 1)
    .map(([word]) => word);
}

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
