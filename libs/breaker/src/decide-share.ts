/**
 * Decides how many of a ramp's level this replica may have in flight. Pure.
 *
 * All get the same, and what is left over goes one each, from the one that probed onwards. A level that stands still moves on in
 * turns, since whoever has its part may have no deliveries. Nobody known: the one that probed has all.
 */
export type RampShare = Readonly<{
  level: number;
  /** Replicas at work, in any order. */
  members: readonly string[];
  me: string;
  /** Who probed. */
  by: string;
  /** How long the level has stood. */
  levelAgeMs: number;
}>;

/** Long enough for a request to end. */
export const rampTurnMs = 2_000;

export function decideShare({ level, members, me, by, levelAgeMs }: RampShare): number {
  const others = members.filter((member) => member !== me);
  const all = [...new Set([me, ...others])].sort();
  const from = Math.max(0, all.indexOf(by));
  const turn = Math.floor(Math.max(0, levelAgeMs) / rampTurnMs);
  const place = (((all.indexOf(me) - from - turn) % all.length) + all.length) % all.length;
  return Math.floor(level / all.length) + (place < level % all.length ? 1 : 0);
}
