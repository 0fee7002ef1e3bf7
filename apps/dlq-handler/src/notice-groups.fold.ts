/**
 * When a group of dead letters or invalid events is told. All replicas see the same groups in Postgres and come to the same step, so
 * one of them sends it; what was sent stands in the notices' book.
 */
export type GroupKind = 'dead-letter' | 'invalid';
export type NoticeGroup = Readonly<{
  kind: GroupKind;
  /** The error signature. */
  signature: string;
  /** How many are open; 0: they were requeued, discarded or resolved. */
  open: number;
  /** When the oldest of those came to rest. */
  sinceMs: number;
}>;

export type GroupTelling<G extends NoticeGroup> =
  Readonly<{ state: 'raised'; group: G; step: number }> | Readonly<{ state: 'resolved'; group: G }>;

/** Groups that were raised, as they were last seen, with the time since when they are over. */
export type KnownGroups<G extends NoticeGroup> = ReadonlyMap<string, Readonly<{ group: G; overSinceMs: number | null }>>;

const hourMs = 3_600_000;
/** A webhook that refuses the end of a group is asked again for so long. */
export const overForMaxMs = hourMs;

/**
 * 0 at first; one more for each time that the group has doubled (2, 4, 8 …), and for each time that its age has (1, 2, 4 … hours).
 */
export function stepOf(open: number, ageMs: number): number {
  const grown = Math.floor(Math.log2(Math.max(1, open)));
  const aged = ageMs < hourMs ? 0 : Math.floor(Math.log2(ageMs / hourMs)) + 1;
  return grown + aged;
}

/** One look at the groups: what stands is raised with its step, and what stood before and stands no more is resolved. */
export function foldGroups<G extends NoticeGroup>(
  known: KnownGroups<G>,
  groups: readonly G[],
  nowMs: number,
): Readonly<{ known: KnownGroups<G>; tellings: readonly GroupTelling<G>[] }> {
  const next = new Map<string, { group: G; overSinceMs: number | null }>();
  const tellings: GroupTelling<G>[] = [];
  for (const group of groups) {
    if (group.open === 0) continue;
    tellings.push({ state: 'raised', group, step: stepOf(group.open, nowMs - group.sinceMs) });
    next.set(keyOf(group), { group, overSinceMs: null });
  }
  const ended = groups.filter(({ open }) => open === 0).map((group) => ({ group, overSinceMs: nowMs }));
  for (const { group, overSinceMs } of [...known.values(), ...ended]) {
    const overMs = overSinceMs ?? nowMs;
    if (next.has(keyOf(group)) || nowMs - overMs > overForMaxMs) continue;
    tellings.push({ state: 'resolved', group });
    next.set(keyOf(group), { group, overSinceMs: overMs });
  }
  return { known: next, tellings };
}

const keyOf = ({ kind, signature }: NoticeGroup): string => `${kind}|${signature}`;
