import { HoldValve, type Holding, type Told, type Valve } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import type { HoldBoard } from './hold-board.port.js';

export type SharedHoldsParts = Readonly<{
  board: HoldBoard;
  clock: Clock;
  /** The hold after a 429 that names no time, and the longest that is believed. */
  retryAfterDefaultMs: number;
  retryAfterMaxMs: number;
}>;

const readEveryMs = 250;
/** A storm of 429s says the same many times over: only what makes the hold noticeably longer is told. */
const tellLongerByMs = 100;
/** So long without another 429, and twice as many may be under way again. */
const widenEveryMs = 2_000;

/**
 * What one replica learns from a 429, or from an answer that says that nothing remains of the partner's quota, holds all of them.
 * One call each 250 ms for all destinations of a process, and one for each hold.
 */
export class SharedHolds {
  private readonly valves = new Map<string, SharedHoldValve>();
  private readonly closing = new AbortController();

  constructor(private readonly parts: SharedHoldsParts) {}

  valve(destination: string, maxInFlight: number): Valve {
    if (this.valves.size === 0) void this.follow();
    const valve = new SharedHoldValve(destination, maxInFlight, this.parts);
    this.valves.set(destination, valve);
    return valve;
  }

  async close(): Promise<void> {
    this.closing.abort();
  }

  /** Redis away: each replica goes by what it knows itself. */
  private async follow(): Promise<void> {
    const { board, clock } = this.parts;
    while (!this.closing.signal.aborted) {
      const holds = await board.holds().catch(() => null);
      for (const [destination, leftMs] of holds ?? []) this.valves.get(destination)?.learn(leftMs);
      await clock.sleep(readEveryMs, this.closing.signal);
    }
  }
}

class SharedHoldValve implements Valve {
  private readonly held: HoldValve;
  private toldUntilMs = 0;
  /** How many go back in after a hold: half as many after each, so that a partner without a stated limit is not flooded each time. */
  private inFlightMax = Infinity;
  private widenAtMs = 0;
  private listener: () => void = () => {};

  constructor(
    private readonly destination: string,
    private readonly maxInFlight: number,
    private readonly parts: SharedHoldsParts,
  ) {
    this.held = new HoldValve(parts.clock, 'throttled');
  }

  learn(leftMs: number): void {
    const untilMs = this.parts.clock.nowMs() + leftMs;
    this.toldUntilMs = Math.max(this.toldUntilMs, untilMs);
    if (this.held.hold(untilMs)) this.narrow();
  }

  told({ class: named, retryAfterMs, rateLimit }: Told): void {
    const quotaMs = rateLimit?.remaining === 0 ? rateLimit.resetMs : null;
    if (named !== 'throttled' && quotaMs === null) return this.widen();
    const { board, clock, retryAfterDefaultMs, retryAfterMaxMs } = this.parts;
    const forMs = Math.min(retryAfterMaxMs, retryAfterMs ?? quotaMs ?? retryAfterDefaultMs);
    const untilMs = clock.nowMs() + forMs;
    if (untilMs < this.toldUntilMs + tellLongerByMs) return;
    this.toldUntilMs = untilMs;
    const isNew = this.held.hold(untilMs, named === 'throttled' ? null : 'the partner says that nothing is left of its quota');
    if (isNew && named === 'throttled') this.narrow();
    // Not told: the others find out by their own 429.
    void board.hold(this.destination, forMs).catch(() => {});
  }

  limit(): number {
    return Math.min(this.held.limit(), this.inFlightMax);
  }
  take(): boolean {
    return true;
  }
  holding(): Holding | null {
    return this.held.holding();
  }
  changed(listener: () => void): void {
    this.listener = listener;
    this.held.changed(listener);
  }
  close(): Promise<void> {
    return this.held.close();
  }

  private narrow(): void {
    this.inFlightMax = Math.max(1, Math.floor(Math.min(this.inFlightMax, this.maxInFlight) / 2));
    this.widenAtMs = (this.held.holding()?.untilMs ?? this.parts.clock.nowMs()) + widenEveryMs;
  }

  private widen(): void {
    if (this.inFlightMax === Infinity) return;
    const nowMs = this.parts.clock.nowMs();
    if (nowMs < this.widenAtMs) return;
    this.inFlightMax = this.inFlightMax * 2 >= this.maxInFlight ? Infinity : this.inFlightMax * 2;
    this.widenAtMs = nowMs + widenEveryMs;
    this.listener();
  }
}
