import type { Clock } from '#libs/kafka/src/index.js';
import type { HoldReason, Holding, Told, Valve } from './valve.port.js';

/**
 * A destination held as a whole, for one reason: until a moment (a partner's Retry-After), or until somebody lets go (an operator's
 * pause). One timer, and only while it is held until a moment.
 */
export class HoldValve implements Valve {
  private held: Holding | null = null;
  private listener: () => void = () => {};
  private waking: AbortController | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly reason: HoldReason,
  ) {}

  /** `untilMs` null: until `release`. The longer of two holds stands. True: it was not held before. */
  hold(untilMs: number | null, detail: string | null = null): boolean {
    const { held, reason } = this;
    const sinceMs = held?.sinceMs ?? this.clock.nowMs();
    if (untilMs !== null && untilMs <= this.clock.nowMs()) return false;
    if (held && (held.untilMs === null || (untilMs !== null && untilMs <= held.untilMs))) return false;
    this.held = { reason, sinceMs, untilMs, detail };
    if (untilMs !== null && !this.waking) void this.wakeUp((this.waking = new AbortController()).signal);
    if (held === null) this.listener();
    return held === null;
  }

  release(): void {
    if (this.held === null) return;
    this.held = null;
    this.waking?.abort();
    this.waking = null;
    this.listener();
  }

  limit(): number {
    return this.held === null ? Infinity : 0;
  }

  take(): boolean {
    return true;
  }

  told(_outcome: Told): void {}

  holding(): Holding | null {
    return this.held;
  }

  changed(listener: () => void): void {
    this.listener = listener;
  }

  async close(): Promise<void> {
    this.waking?.abort();
  }

  /** Looks at the clock again after each sleep: a hold may have been prolonged meanwhile, and a timer may end early. */
  private async wakeUp(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.held?.untilMs != null) {
      const restMs = this.held.untilMs - this.clock.nowMs();
      if (restMs <= 0) return this.release();
      await this.clock.sleep(restMs, signal);
    }
  }
}
