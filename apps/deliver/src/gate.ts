import type { Clock } from '#libs/kafka/src/index.js';

type Waiter = { readonly group: object; readonly admit: (isAdmitted: boolean) => void };

/**
 * The door of one destination, shared by its partitions: at most `maxInFlight` inside, nobody while it is held. Who waits
 * holds no slot. First come, first served. One timer a destination, whoever waits.
 */
export class Gate {
  private inside = 0;
  /** Those before `first` have entered. */
  private waiters: (Waiter | undefined)[] = [];
  private first = 0;
  private heldUntil = 0;
  private held: string | null = null;
  private waking = false;
  private heldSince = 0;

  constructor(
    private readonly clock: Clock,
    private readonly maxInFlight: number,
  ) {}

  /** False: somebody waits, it is full or held. */
  enterNow(): boolean {
    const isOpen = this.held === null && this.inside < this.maxInFlight && this.first === this.waiters.length;
    if (isOpen) this.inside++;
    return isOpen;
  }

  /** False: the group was dismissed while it waited. */
  enter(group: object): Promise<boolean> {
    if (this.enterNow()) return Promise.resolve(true);
    return new Promise((admit) => this.waiters.push({ group, admit }));
  }

  leave(): void {
    this.inside--;
    this.admit();
  }

  /** Sends a partition's waiters away. */
  dismiss(group: object): void {
    const gone = this.waiters.filter((waiter) => waiter?.group === group);
    this.waiters = this.waiters.filter((waiter) => waiter && waiter.group !== group);
    this.first = 0;
    for (const waiter of gone) waiter?.admit(false);
  }

  /** Nobody new goes in before `untilMs`; a longer hold that stands is kept. */
  hold(untilMs: number, reason: string): void {
    if (untilMs <= this.heldUntil) return;
    if (this.held === null) this.heldSince = this.clock.nowMs();
    this.heldUntil = untilMs;
    this.held = reason;
    if (!this.waking) void this.wakeUp();
  }

  /** Why and since when (ms since the epoch) it is held; null when it is not. */
  holding(): Readonly<{ reason: string; sinceMs: number; untilMs: number }> | null {
    return this.held === null ? null : { reason: this.held, sinceMs: this.heldSince, untilMs: this.heldUntil };
  }

  private async wakeUp(): Promise<void> {
    this.waking = true;
    for (let restMs = 1; restMs > 0; restMs = this.heldUntil - this.clock.nowMs()) {
      await this.clock.sleep(this.heldUntil - this.clock.nowMs());
    }
    this.waking = false;
    this.held = null;
    this.admit();
  }

  private admit(): void {
    while (this.held === null && this.inside < this.maxInFlight && this.first < this.waiters.length) {
      this.inside++;
      const { admit } = this.waiters[this.first]!;
      this.waiters[this.first++] = undefined;
      admit(true);
    }
    // Cut off when half of it is gone, so that thousands who wait are not moved up with every one who enters.
    if (this.first * 2 <= this.waiters.length) return;
    this.waiters.splice(0, this.first);
    this.first = 0;
  }
}
