/**
 * A small seeded generator (mulberry32): the same seed gives the same run, so a failing test names its seed and replays.
 * Not for anything that must be unguessable.
 */
export type SeededRandom = Readonly<{
  seed: number;
  /** In [0, 1). */
  next(): number;
  /** A whole number in [min, max], both included. */
  between(min: number, max: number): number;
  /** One of a non-empty list. */
  pick<T>(list: readonly T[]): T;
  /** True for the given share of calls. */
  chance(share: number): boolean;
  /** A shuffled copy. */
  shuffle<T>(list: readonly T[]): T[];
}>;

export function seededRandom(seed: number): SeededRandom {
  if (!Number.isInteger(seed)) throw new RangeError(`a seed is a whole number: ${seed}`);
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    seed,
    next,
    between,
    pick: (list) => {
      if (list.length === 0) throw new RangeError('nothing to pick from');
      return list[between(0, list.length - 1)]!;
    },
    chance: (share) => next() < share,
    shuffle: (list) => {
      const copy = [...list];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = between(0, i);
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
      }
      return copy;
    },
  };
}

/** The seed of this run: `HOLDFAST_SEED` when given (a replay), otherwise new. Print it, or let {@link withSeed} do so. */
export function runSeed(given: string | undefined = process.env['HOLDFAST_SEED']): number {
  if (given === undefined || given === '') return Math.floor(Math.random() * 0x7fffffff);
  const seed = Number(given);
  if (!Number.isInteger(seed)) throw new RangeError(`HOLDFAST_SEED must be a whole number, is '${given}'`);
  return seed;
}

/** Runs `body` with a seeded generator; a failure says which seed it was and how to run it again. */
export async function withSeed<T>(body: (random: SeededRandom) => Promise<T>, seed = runSeed()): Promise<T> {
  try {
    return await body(seededRandom(seed));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed} (run again with HOLDFAST_SEED=${seed}): ${reason}`, { cause: error });
  }
}
