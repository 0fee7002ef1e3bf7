/**
 * How many requests may be under way, found out from what comes back. Pure: a sample goes in, the next state comes out.
 *
 * | what was seen                          | the limit                                                           |
 * | -------------------------------------- | ------------------------------------------------------------------- |
 * | a drop: 429, 503, a timeout            | × 0.7, once a window, never below `min`                             |
 * | a window, busy, as fast as usual       | grows by up to its square root, a fifth of the way at a time        |
 * | a window, busy, slower than 1.5 × usual | shrinks in proportion, to half of itself at most                   |
 * | 480 windows                            | half, for once, and what is usual is asked anew                     |
 * | a window with half of it unused        | stays: nothing was learnt                                           |
 *
 * Sources  Netflix' concurrency-limits, Gradient2 (latency against the usual one, the square root as the queue that is allowed), BBR (asking anew) and AIMD (what
 *          a drop costs). How many were under way comes from Little's law, so nobody has to count starts.
 */
export type ConcurrencyBounds = Readonly<{ min: number; max: number }>;
export type ConcurrencySample = Readonly<{ kind: 'answer'; tookMs: number; atMs: number }> | Readonly<{ kind: 'drop'; atMs: number }>;

export type ConcurrencyState = Readonly<{
  /** With its fraction; what counts is its whole part. */
  limit: number;
  /** What the partner takes when it is not crowded; null: not known yet. */
  usualMs: number | null;
  /** Judged windows since that was asked anew. */
  age: number;
  window: Readonly<{ fromMs: number; answers: number; sumMs: number; hasDropped: boolean }>;
}>;

const beginMax = 20;
const windowMs = 250;
/** A slow partner's window lasts until it has answered as often. */
const windowLeastAnswers = 4;
const dropShare = 0.7;
const tolerance = 1.5;
const smoothing = 0.2;
/** How fast the usual follows a faster partner. A slower one it follows by being asked anew: drifting, it would take its own queue for usual. */
const usualShare = 0.2;
/** Two minutes of a busy partner. */
const ageMax = 480;

const clamp = (value: number, { min, max }: ConcurrencyBounds): number => Math.min(max, Math.max(min, value));
const windowFrom = (fromMs: number): ConcurrencyState['window'] => ({ fromMs, answers: 0, sumMs: 0, hasDropped: false });

export const concurrencyAtFirst = (bounds: ConcurrencyBounds, nowMs: number): ConcurrencyState => ({
  limit: clamp(beginMax, bounds),
  usualMs: null,
  age: 0,
  window: windowFrom(nowMs),
});

export function foldConcurrency(state: ConcurrencyState, sample: ConcurrencySample, bounds: ConcurrencyBounds): ConcurrencyState {
  const { window, limit } = state;
  if (sample.kind === 'drop') {
    // All that was under way is dropped together, and says one thing.
    if (window.hasDropped && sample.atMs < window.fromMs + windowMs) return state;
    return { ...state, limit: clamp(limit * dropShare, bounds), window: { ...windowFrom(sample.atMs), hasDropped: true } };
  }
  const answers = window.answers + 1;
  const sumMs = window.sumMs + Math.max(0, sample.tookMs);
  const lastedMs = sample.atMs - window.fromMs;
  if (lastedMs < windowMs || answers < windowLeastAnswers) return { ...state, window: { ...window, answers, sumMs } };
  const next = window.hasDropped ? state : judged(state, { meanMs: sumMs / answers, underWay: sumMs / lastedMs }, bounds);
  return { ...next, window: windowFrom(sample.atMs) };
}

function judged(
  state: ConcurrencyState,
  seen: Readonly<{ meanMs: number; underWay: number }>,
  bounds: ConcurrencyBounds,
): ConcurrencyState {
  const { limit } = state;
  const { meanMs, underWay } = seen;
  const { usualMs: known, age } = state;
  if (age >= ageMax) return { ...state, limit: clamp(limit / 2, bounds), usualMs: null, age: 0 };
  const usualMs = known === null || meanMs >= known ? (known ?? meanMs) : known + (meanMs - known) * usualShare;
  if (underWay < limit / 2) return { ...state, usualMs };
  const gradient = meanMs === 0 ? 1 : Math.min(1, Math.max(0.5, (tolerance * usualMs) / meanMs));
  const wanted = limit * gradient + (gradient === 1 ? Math.sqrt(limit) : 0);
  return { ...state, usualMs, age: age + 1, limit: clamp(limit + (wanted - limit) * smoothing, bounds) };
}
