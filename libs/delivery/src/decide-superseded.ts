/**
 * Decides which delivery of a latest-wins entity has been overtaken. Pure: no clock, no randomness, no I/O.
 *
 * Units   `revision` is a revisionOrder key, null where the event has none; `at` is the event's offset in its partition of
 *         `hf.events`, and all events of one entity lie in one partition.
 */
export type Rank = Readonly<{ revision: string | null; at: number; eventposition: string }>;

/**
 * What became of another delivery of the same entity at the same destination.
 *
 * `pending`   in its lane, at the gate, under way, or in a delay line
 * `delivered` the partner has it
 * `perhaps`   it left the way, and the partner may have it: held, or dead-lettered in doubt
 * `failed`    it left the way, and the partner has it not
 */
export type RivalState = 'pending' | 'delivered' | 'perhaps' | 'failed';
export type Rival = Readonly<{ rank: Rank; state: RivalState }>;

/** By revision where both have one and they differ, otherwise by position. Equal revisions: the later one is the newer. */
export function isNewer(one: Rank, other: Rank): boolean {
  if (one.revision !== null && other.revision !== null && one.revision !== other.revision) return one.revision > other.revision;
  return one.at > other.at;
}

/**
 * By which rival mine is overtaken: the newest of those that count, if it is newer than mine; null: it goes out.
 *
 * | the rival | is pending | is delivered | is perhaps delivered | has failed |
 * | --------- | ---------- | ------------ | -------------------- | ---------- |
 * | newer     | overtaken  | overtaken    | overtaken            | goes out   |
 * | older     | goes out   | goes out     | goes out             | goes out   |
 *
 * A pending one counts, or a backlog would not collapse; when it fails afterwards, its dead letter is the newest state there is, and
 * every verdict of those it overtook names it. One that has failed for certain does not count: the older state is better than
 * none. One that perhaps took effect does: an older revision after a newer one is what latest-wins excludes.
 */
export function decideSuperseded(mine: Rank, rivals: Iterable<Rival>): Rank | null {
  let newest: Rank | null = null;
  for (const { rank, state } of rivals) {
    if (state === 'failed' || !isNewer(rank, mine)) continue;
    if (newest === null || isNewer(rank, newest)) newest = rank;
  }
  return newest;
}
