import type { OutcomeClass } from '#libs/domain/src/index.js';
import type { HoldReason, Holding, Told, Valve } from '../valve.port.js';

/** An outcome of a class, as valves hear of it. */
export const toldOf = (named: OutcomeClass, over: Partial<Told> = {}): Told => ({
  class: named,
  effect: named === 'delivered' ? 'yes' : named === 'unknown' ? 'maybe' : 'no',
  status: null,
  nowMs: 1_700_000_000_000,
  tookMs: 5,
  retryAfterMs: null,
  rateLimit: null,
  isRetry: false,
  ...over,
});

/** A valve that does what the test says. */
export class ScriptedValve implements Valve {
  allowed = Infinity;
  tokens = Infinity;
  taken = 0;
  heard: string[] = [];
  isClosed = false;
  onTake: () => void = () => {};
  private held: Holding | null = null;
  private listener: () => void = () => {};

  set(allowed: number): void {
    this.allowed = allowed;
    this.listener();
  }

  refill(tokens: number): void {
    this.tokens += tokens;
    this.listener();
  }

  /** Null: lets go. */
  hold(reason: HoldReason | null, sinceMs = 0): void {
    this.held = reason && { reason, sinceMs, untilMs: null, detail: null };
    this.set(reason ? 0 : Infinity);
  }

  limit(): number {
    return this.allowed;
  }

  take(): boolean {
    this.onTake();
    if (this.tokens < 1) return false;
    this.tokens--;
    this.taken++;
    return true;
  }

  told(outcome: Told): void {
    this.heard.push(outcome.class);
  }

  holding(): Holding | null {
    return this.held;
  }

  changed(listener: () => void): void {
    this.listener = listener;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}
