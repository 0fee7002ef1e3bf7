import type { OutcomeClass } from '#libs/domain/src/index.js';
import type { Effect } from './outcome.js';

/**
 * One thing that may keep back a destination's next request: its breaker, a hold, a maintenance window, its rate, its
 * concurrency, its credentials. A destination has one gate in each process, and the gate asks all of its valves.
 *
 * Asked for every delivery: synchronous, answered from memory, never throws. What a valve shares with other replicas it
 * learns beside the hot path, and calls the listener when its answer has changed.
 */
export interface Valve {
  /** How many requests may be under way now in this process. `Infinity`: nothing to say. 0: none. Below 1 only as 0. */
  limit(): number;
  /**
   * Whether `take` would find what it needs; false: it is being fetched, and the listener is called. Asked when every limit allows a
   * request, and before anything is taken for it: a token taken first would be gone before the rest is there. Left out: always.
   */
  ready?(): boolean;
  /** Takes what one request costs, such as a token. Asked last, when every limit allows it. False: there is none now. */
  take(): boolean;
  /** Each outcome of a request, in the order of their ends. */
  told(outcome: Told): void;
  /** Why it keeps everything back; null: it does not. */
  holding(): Holding | null;
  /** For what reason a failure of a request that began at `beganMs` is not its delivery's own, though requests go in. Left out: never. */
  spares?(beganMs: number): HoldReason | null;
  /** Until the replicas agree on what was told here, or cannot; null: they do. Asked after failures alone. Never rejects. */
  agreed?(): Promise<void> | null;
  /** The one listener: an answer of `limit` or `take` may be another now. */
  changed(listener: () => void): void;
  /** Ends what it does beside the hot path, and gives back what it holds. */
  close(): Promise<void>;
}

/** In the words of metrics, facts and pages. */
export type HoldReason = 'throttled' | 'auth' | 'breaker' | 'maintenance' | 'paused' | 'rate-limit' | 'retry-budget';

/** In ms since the epoch; `untilMs` null: until something happens, which `detail` names. */
export type Holding = Readonly<{ reason: HoldReason; sinceMs: number; untilMs: number | null; detail: string | null }>;

/** What valves learn of one request's outcome. `tookMs` is null where nothing was sent. */
export type Told = Readonly<{
  class: OutcomeClass;
  effect: Effect;
  /** Null: no answer came. */
  status: number | null;
  nowMs: number;
  tookMs: number | null;
  /** How long the partner asks to be left alone, from now. */
  retryAfterMs: number | null;
  /** What the partner's RateLimit fields said, if they did: requests left, until a reset in so many ms. */
  rateLimit: Readonly<{ remaining: number; resetMs: number }> | null;
  /** A spent attempt came before this one. */
  isRetry: boolean;
}>;
