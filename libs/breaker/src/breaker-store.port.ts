import type { BreakerState } from './breaker.fold.js';

/** A state under the version it stands as; '' and null: there is none. */
export type Standing = Readonly<{
  version: string;
  state: BreakerState | null;
  /** The number of the lease that holds now; null: nobody holds it. */
  lease: number | null;
}>;

export type Swapped = Readonly<{ kind: 'swapped' }> | Readonly<{ kind: 'refused'; why: 'version' | 'lease'; standing: Standing }>;

export type Polled = Readonly<{
  /** In the order asked; '' where there is no state. */
  versions: readonly string[];
  /** Holders that polled lately as members. */
  members: readonly string[];
}>;

/**
 * What the replicas share of their breakers. Every method rejects with a retryable error when the store cannot be reached, and
 * nothing is known about the effect then; what it holds may be lost at any time, and then there is no state.
 */
export interface BreakerStore {
  /** One call for all destinations. `member` null: only asks. */
  poll(destinations: readonly string[], member: string | null): Promise<Polled>;
  read(destination: string): Promise<Standing>;
  /** Writes `state` as `next`, if it still stands as `version`, and, where a lease is named, if that lease holds. */
  swap(destination: string, change: Change): Promise<Swapped>;
  /**
   * The right to probe, for a time: a number higher than any before, or the same again for whoever holds it (which renews it).
   * Null: another has it.
   */
  lease(destination: string, holder: string, forMs: number): Promise<number | null>;
  /** Gives it back, if it is still mine. */
  release(destination: string, token: number): Promise<void>;
}

export type Change = Readonly<{ version: string; next: string; state: BreakerState; lease: number | null }>;
