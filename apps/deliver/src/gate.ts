import {
  HoldValve,
  RetryBudget,
  type RetryBudgetTerms,
  type HoldReason,
  type Holding,
  type Told,
  type Valve,
} from '#libs/delivery/src/index.js';
import type { OutcomeClass } from '#libs/domain/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { FairLine } from './fair-line.js';
import type { Share } from './fair-queue.js';
import { WaitingLine, type Line } from './waiting-line.js';

export type GateParts = Readonly<{
  maxInFlight: number;
  retryBudget: RetryBudgetTerms;
  valves: readonly Valve[];
  /** Who waits goes in by turns of so many groups; left out: first come, first served. */
  groupsMax?: number;
}>;

/** Of several reasons, the one an operator is told first: what needs a hand before what passes by itself. */
export const holdReasons: readonly HoldReason[] = ['paused', 'auth', 'breaker', 'maintenance', 'throttled', 'rate-limit', 'retry-budget'];

/**
 * The door of one destination, shared by its partitions in this process: at most `maxInFlight` inside, fewer where a valve says so,
 * nobody while one is shut. Who waits holds no slot. First come, first served, or by turns of those they count towards; only
 * retries over the destination's budget let others pass.
 *
 * One valve is its own: the hold that a partner's 429 asks for.
 */
export class Gate {
  /** How many deliveries of this destination were delivered here: who fails again while others pass fails by itself. */
  delivered = 0;
  /** Failures here since then: who fails among others does not fail by itself. */
  failedInRow = 0;
  private inside = 0;
  private isAdmitting = false;
  private readonly fresh: Line;
  /** Apart, so that those over the budget stand in nobody's way. */
  private readonly retries: Line;
  private tickets = 0;
  private readonly budget: RetryBudget;
  private budgetTimer: AbortController | null = null;
  /** Since when retries have waited for the budget. */
  private overBudgetSinceMs: number | null = null;
  private readonly throttle: HoldValve;
  private readonly valves: readonly Valve[];
  private readonly given: readonly Valve[];
  /** Those that fetch something before they can be taken from. */
  private readonly preparing: readonly Valve[];

  constructor(
    private readonly clock: Clock,
    private readonly parts: GateParts,
  ) {
    const { groupsMax } = parts;
    this.fresh = groupsMax === undefined ? new WaitingLine() : new FairLine(groupsMax);
    this.retries = groupsMax === undefined ? new WaitingLine() : new FairLine(groupsMax);
    this.budget = new RetryBudget(parts.retryBudget, parts.maxInFlight);
    this.throttle = new HoldValve(clock, 'throttled');
    this.given = parts.valves;
    this.preparing = parts.valves.filter(({ ready }) => ready);
    this.valves = [this.throttle, ...parts.valves];
    for (const valve of this.valves) valve.changed(() => this.admit());
  }

  /** False: somebody waits before it, it is full, held, or a retry over the budget. */
  enterNow(isRetry: boolean): boolean {
    const isOpen = this.isNext(isRetry) && this.hasRoom(isRetry);
    if (isOpen) this.goesIn(isRetry);
    return isOpen;
  }

  /** False: the group was dismissed while it waited. */
  enter(group: object, isRetry: boolean, share?: Share): Promise<boolean> {
    if (this.enterNow(isRetry)) return Promise.resolve(true);
    const waits = (isRetry ? this.retries : this.fresh).join(group, this.tickets++, share);
    if (isRetry) this.waitForBudget();
    return waits;
  }

  /** Somebody inside begins another request, and what that costs is taken. False: it waits for it outside, as everybody does. */
  goesOn(): boolean {
    for (const valve of this.valves) if (this.inside > valve.limit()) return false;
    return this.takesCosts();
  }

  leave(): void {
    this.inside--;
    this.admit();
  }

  /** Sends a partition's waiters away. */
  dismiss(group: object): void {
    this.fresh.dismiss(group);
    this.retries.dismiss(group);
    this.admit();
  }

  /** Retries would wait now for that reason alone. */
  isOverBudget(): boolean {
    return !this.mayRetry();
  }

  /** A retry ended, and not in another failure. */
  paidBack(): void {
    this.budget.paidBack();
  }

  /** Nobody new goes in before `untilMs`, for the partner asks for it; a longer hold that stands is kept. True: it was not held so before. */
  hold(untilMs: number, detail: string | null = null): boolean {
    return this.throttle.hold(untilMs, detail);
  }

  count(named: OutcomeClass): void {
    if (named === 'delivered') {
      this.delivered++;
      this.failedInRow = 0;
    } else if (named === 'transient' || named === 'unknown') this.failedInRow++;
  }

  /** Whether anybody wants to hear of outcomes: otherwise they need not be put together. */
  get isTold(): boolean {
    return this.given.length > 0;
  }

  told(outcome: Told): void {
    for (const valve of this.given) valve.told(outcome);
  }

  /** The most telling of its holds; null when it is open. */
  holding(): Holding | null {
    return this.holdings()[0] ?? null;
  }

  /** All that keeps it shut, the most telling first. */
  holdings(): readonly Holding[] {
    const found = this.valves.flatMap((valve) => valve.holding() ?? []);
    if (this.overBudgetSinceMs !== null) found.push(overBudget(this.overBudgetSinceMs));
    return found.sort((a, b) => holdReasons.indexOf(a.reason) - holdReasons.indexOf(b.reason));
  }

  /**
   * The reason for which the failure of a request that began at `beganMs` is nobody's own: the destination is down, or was while the
   * request was under way, or is only coming back; it is shut out, or put aside. Null: there is none.
   */
  outage(beganMs: number): HoldReason | null {
    for (const valve of this.given) {
      const reason = valve.holding()?.reason;
      if (reason === 'breaker' || reason === 'auth' || reason === 'maintenance' || reason === 'paused') return reason;
      const spared = valve.spares?.(beganMs) ?? null;
      if (spared !== null) return spared;
    }
    return null;
  }

  /**
   * The hold under which a failure falls, of a request that began at `beganMs`. When others were delivered since its delivery last
   * stayed for a hold (`stayedAt`, of `delivered`), and none but it fails now, it is that delivery's own.
   */
  heldBy(stayedAt: number | null, beganMs: number): HoldReason | null {
    const isOwn = stayedAt !== null && this.delivered > stayedAt && this.failedInRow <= 1;
    return isOwn ? null : this.outage(beganMs);
  }

  /** Until all replicas know of what was told here; at once when they do. */
  async agreed(): Promise<void> {
    for (const valve of this.given) await valve.agreed?.();
  }

  /** The given valves are closed by whoever opened them. */
  close(): Promise<void> {
    this.budgetTimer?.abort();
    return this.throttle.close();
  }

  private admit(): void {
    // A valve may call back while it is asked: the loop that asks it goes on anyway.
    if (this.isAdmitting) return;
    this.isAdmitting = true;
    for (let line = this.nextLine(); line && this.hasRoom(line === this.retries); line = this.nextLine()) {
      this.goesIn(line === this.retries);
      line.admitFirst();
    }
    this.isAdmitting = false;
    if (!this.retries.isEmpty()) this.waitForBudget();
    else this.overBudgetSinceMs = null;
  }

  /** Whether somebody who comes now is before all who wait. Retries over the budget stand in nobody's way. */
  private isNext(isRetry: boolean): boolean {
    return this.fresh.isEmpty() && (this.retries.isEmpty() || (!isRetry && !this.mayRetry()));
  }

  /** Whoever came first; retries over the budget are passed by. */
  private nextLine(): Line | null {
    const { fresh, retries } = this;
    if (retries.isEmpty() || !this.mayRetry()) return fresh.isEmpty() ? null : fresh;
    return fresh.isEmpty() || retries.firstTicket() < fresh.firstTicket() ? retries : fresh;
  }

  private mayRetry(): boolean {
    return this.budget.allows(this.clock.monotonicMs());
  }

  /** Every limit first; what a request costs is taken last, so that nothing is taken for nobody. */
  private hasRoom(isRetry: boolean): boolean {
    if (this.inside >= this.parts.maxInFlight || (isRetry && !this.mayRetry())) return false;
    for (const valve of this.valves) if (this.inside >= valve.limit()) return false;
    return this.takesCosts();
  }

  private takesCosts(): boolean {
    for (const valve of this.preparing) if (!valve.ready!()) return false;
    for (const valve of this.given) if (!valve.take()) return false;
    return true;
  }

  private goesIn(isRetry: boolean): void {
    this.inside++;
    if (isRetry) this.budget.retry();
    else this.budget.firstAttempt();
  }

  /** One timer, and only while a retry waits for the budget. */
  private waitForBudget(): void {
    if (this.mayRetry()) this.overBudgetSinceMs = null;
    else this.overBudgetSinceMs ??= this.clock.nowMs();
    const waitMs = this.budgetTimer ? null : this.budget.waitMs(this.clock.monotonicMs());
    if (!waitMs) return;
    const timer = (this.budgetTimer = new AbortController());
    void this.clock.sleep(waitMs, timer.signal).then(() => {
      this.budgetTimer = null;
      if (!timer.signal.aborted) this.admit();
    });
  }
}

const overBudget = (sinceMs: number): Holding => ({
  reason: 'retry-budget',
  sinceMs,
  untilMs: null,
  detail: 'fewer retries that fail again',
});
