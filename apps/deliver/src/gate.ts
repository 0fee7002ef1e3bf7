import { HoldValve, type HoldReason, type Holding, type Told, type Valve } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { WaitingLine } from './waiting-line.js';

export type GateParts = Readonly<{ maxInFlight: number; valves: readonly Valve[] }>;

/** Of several reasons, the one an operator is told first: what needs a hand before what passes by itself. */
export const holdReasons: readonly HoldReason[] = ['paused', 'auth', 'breaker', 'maintenance', 'throttled', 'rate-limit', 'retry-budget'];

/**
 * The door of one destination, shared by its partitions in this process: at most `maxInFlight` inside, fewer where a valve says so,
 * nobody while one is shut. Who waits holds no slot. First come, first served.
 *
 * One valve is its own: the hold that a partner's 429 asks for.
 */
export class Gate {
  private inside = 0;
  private isAdmitting = false;
  private readonly line = new WaitingLine();
  private readonly throttle: HoldValve;
  private readonly valves: readonly Valve[];
  private readonly given: readonly Valve[];

  constructor(
    clock: Clock,
    private readonly parts: GateParts,
  ) {
    this.throttle = new HoldValve(clock, 'throttled');
    this.given = parts.valves;
    this.valves = [this.throttle, ...parts.valves];
    for (const valve of this.valves) valve.changed(() => this.admit());
  }

  /** False: somebody waits, it is full or held. */
  enterNow(): boolean {
    const isOpen = this.line.isEmpty() && this.hasRoom();
    if (isOpen) this.inside++;
    return isOpen;
  }

  /** False: the group was dismissed while it waited. */
  enter(group: object): Promise<boolean> {
    return this.enterNow() ? Promise.resolve(true) : this.line.join(group);
  }

  leave(): void {
    this.inside--;
    this.admit();
  }

  /** Sends a partition's waiters away. */
  dismiss(group: object): void {
    this.line.dismiss(group);
    this.admit();
  }

  /** Nobody new goes in before `untilMs`, for the partner asks for it; a longer hold that stands is kept. True: it was not held so before. */
  hold(untilMs: number, detail: string | null = null): boolean {
    return this.throttle.hold(untilMs, detail);
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
    return found.sort((a, b) => holdReasons.indexOf(a.reason) - holdReasons.indexOf(b.reason));
  }

  /** The given valves are closed by whoever opened them. */
  close(): Promise<void> {
    return this.throttle.close();
  }

  private admit(): void {
    // A valve may call back while it is asked: the loop that asks it goes on anyway.
    if (this.isAdmitting) return;
    this.isAdmitting = true;
    while (!this.line.isEmpty() && this.hasRoom()) {
      this.inside++;
      this.line.admitFirst();
    }
    this.isAdmitting = false;
  }

  /** Every limit first; what a request costs is taken last, so that nothing is taken for nobody. */
  private hasRoom(): boolean {
    if (this.inside >= this.parts.maxInFlight) return false;
    for (const valve of this.valves) if (this.inside >= valve.limit()) return false;
    for (const valve of this.given) if (!valve.take()) return false;
    return true;
  }
}
