/** `share`: retries that fail again, for each first attempt. `minPerSecond`: so many more, however little else goes out. */
export type RetryBudgetTerms = Readonly<{ share: number; minPerSecond: number }>;

/** What may be saved up: an idle destination's retries begin with so many seconds' worth. */
const savedMaxSeconds = 10;

/**
 * How many retries a destination may be given that fail again, so that an outage does not multiply its own load. A retry is paid for
 * when it starts and paid back when it did not fail: what a partner takes costs nothing, however much of it are retries.
 * Bookkeeping only; time comes in as an argument (monotonic ms).
 */
export class RetryBudget {
  private readonly savedMax: number;
  private saved: number;
  private asOfMs: number | null = null;

  /** `inFlightMax`: as many retries may be under way at once as anything else. */
  constructor(
    private readonly terms: RetryBudgetTerms,
    inFlightMax: number,
  ) {
    this.savedMax = Math.max(terms.minPerSecond * savedMaxSeconds, inFlightMax);
    this.saved = this.savedMax;
  }

  allows(nowMs: number): boolean {
    this.grow(nowMs);
    return this.saved >= 1;
  }

  /** How long until the passing of time alone allows one; null: it never does. */
  waitMs(nowMs: number): number | null {
    if (this.allows(nowMs)) return 0;
    const { minPerSecond } = this.terms;
    return minPerSecond > 0 ? Math.ceil(((1 - this.saved) / minPerSecond) * 1_000) : null;
  }

  firstAttempt(): void {
    this.add(this.terms.share);
  }

  retry(): void {
    this.saved -= 1;
  }

  /** A retry ended, and not in another failure. */
  paidBack(): void {
    this.add(1);
  }

  private grow(nowMs: number): void {
    const passedMs = nowMs - (this.asOfMs ?? nowMs);
    this.asOfMs = nowMs;
    if (passedMs > 0) this.add((passedMs / 1_000) * this.terms.minPerSecond);
  }

  private add(amount: number): void {
    this.saved = Math.min(this.savedMax, this.saved + amount);
  }
}
