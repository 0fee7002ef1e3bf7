import type { Holding, Told, Valve } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';

/**
 * Goes by what a partner says is left of its quota: while more is left than can be under way at once, nothing; below that, no more
 * are under way than are left, and they are spread over the time to the reset. Nothing left is a hold, which `SharedHolds` shares.
 *
 * Each replica paces itself: what the others use, the next answer says.
 */
export class PartnerQuotaValve implements Valve {
  private left = Infinity;
  private resetAtMs = 0;
  private nextMs = 0;
  private waking = false;
  private listener: () => void = () => {};
  private readonly closing = new AbortController();

  constructor(
    private readonly clock: Clock,
    private readonly maxInFlight: number,
  ) {}

  limit(): number {
    return this.isScarce() ? Math.max(1, this.left) : Infinity;
  }

  take(): boolean {
    if (!this.isScarce()) return true;
    const nowMs = this.clock.nowMs();
    if (nowMs < this.nextMs) {
      if (!this.waking) void this.wake(this.nextMs - nowMs);
      return false;
    }
    this.nextMs = Math.min(this.resetAtMs, nowMs + (this.resetAtMs - nowMs) / Math.max(1, this.left));
    return true;
  }

  told({ rateLimit, nowMs }: Told): void {
    if (!rateLimit) return;
    const wasScarce = this.isScarce();
    // Answers overtake each other: within one spell the least that was said is the truth.
    const resetAtMs = nowMs + rateLimit.resetMs;
    const isSameSpell = wasScarce && Math.abs(resetAtMs - this.resetAtMs) < 1_500;
    this.left = isSameSpell ? Math.min(this.left, rateLimit.remaining) : rateLimit.remaining;
    this.resetAtMs = resetAtMs;
    if (wasScarce && !this.isScarce()) this.listener();
  }

  /** It paces; to hold is another's. */
  holding(): Holding | null {
    return null;
  }

  changed(listener: () => void): void {
    this.listener = listener;
  }

  async close(): Promise<void> {
    this.closing.abort();
  }

  private isScarce(): boolean {
    return this.left < this.maxInFlight && this.clock.nowMs() < this.resetAtMs;
  }

  private async wake(afterMs: number): Promise<void> {
    this.waking = true;
    await this.clock.sleep(Math.max(1, afterMs), this.closing.signal);
    this.waking = false;
    if (!this.closing.signal.aborted) this.listener();
  }
}
