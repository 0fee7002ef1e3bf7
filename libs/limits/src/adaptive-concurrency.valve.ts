import type { Holding, Told, Valve } from '#libs/delivery/src/index.js';
import {
  concurrencyAtFirst,
  foldConcurrency,
  type ConcurrencyBounds,
  type ConcurrencySample,
  type ConcurrencyState,
} from './concurrency.fold.js';

/** The partner had it and was too busy, or said so. A refused connection is the breaker's: fewer requests would not mend it. */
const isDrop = ({ class: named, status, effect }: Told): boolean =>
  named === 'throttled' || status === 503 || (status === null && effect === 'maybe');

/** How many requests this process may have under way at a partner, which the partner's answers decide. Each process finds out for itself. */
export class AdaptiveConcurrencyValve implements Valve {
  private state: ConcurrencyState;
  private listener: () => void = () => {};

  constructor(
    private readonly bounds: ConcurrencyBounds,
    nowMs: number,
    /** Told of every new limit. */
    private readonly became: (limit: number) => void = () => {},
  ) {
    this.state = concurrencyAtFirst(bounds, nowMs);
    became(this.limit());
  }

  limit(): number {
    return Math.max(1, Math.floor(this.state.limit));
  }

  take(): boolean {
    return true;
  }

  told(outcome: Told): void {
    const sample = sampleOf(outcome);
    if (!sample) return;
    const before = this.limit();
    this.state = foldConcurrency(this.state, sample, this.bounds);
    const after = this.limit();
    if (after !== before) this.became(after);
    if (after > before) this.listener();
  }

  /** It narrows, and never shuts. */
  holding(): Holding | null {
    return null;
  }

  changed(listener: () => void): void {
    this.listener = listener;
  }

  async close(): Promise<void> {}
}

function sampleOf(outcome: Told): ConcurrencySample | null {
  const { nowMs, status, tookMs } = outcome;
  if (isDrop(outcome)) return { kind: 'drop', atMs: nowMs };
  return status === null || tookMs === null ? null : { kind: 'answer', tookMs, atMs: nowMs };
}
