/** Time as a port, so that the simulator owns it. */
export interface Clock {
  /** Wall clock, ms since the epoch. */
  nowMs(): number;
  /** Monotonic, ms from an arbitrary start. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts (it never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Resolves behind what has already arrived, so that calls which follow from it go together. Left out: there is no such thing. */
  endOfTurn?(): Promise<void>;
}
