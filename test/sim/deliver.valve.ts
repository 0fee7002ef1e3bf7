import type { Holding, Told, Valve } from '#libs/delivery/src/index.js';
import type { SimProcess } from './scheduler.js';

const failuresMax = 1;
const openMs = 60;
const openMaxMs = 400;

/**
 * Opens and closes as a breaker does: shut after a few failures in a row, one canary after a while, open behind its success. What it
 * does with the delivery under it is the pipeline's: nothing that fails while it is shut may be spent, lost or sent blindly.
 */
export class SimBreaker implements Valve {
  private streak = 0;
  private shutMs = openMs;
  private held: Holding | null = null;
  private isProbing = false;
  private listener: () => void = () => {};

  constructor(
    private readonly sim: SimProcess,
    private readonly note: (line: string) => void,
  ) {}

  limit(): number {
    return this.held === null ? Infinity : this.isProbing ? 1 : 0;
  }

  take(): boolean {
    return true;
  }

  told({ class: named }: Told): void {
    if (named === 'delivered' || named === 'business') return this.heal();
    if (named !== 'transient' && named !== 'unknown') return;
    this.streak++;
    if (this.streak > failuresMax && (this.held === null || this.isProbing)) void this.open();
  }

  holding(): Holding | null {
    return this.held;
  }

  changed(listener: () => void): void {
    this.listener = listener;
  }

  async close(): Promise<void> {}

  private async open(): Promise<void> {
    this.note('opens its breaker');
    const sinceMs = this.held?.sinceMs ?? this.sim.clock.nowMs();
    this.held = { reason: 'breaker', sinceMs, untilMs: null, detail: null };
    this.isProbing = false;
    const shutMs = this.shutMs;
    this.shutMs = Math.min(shutMs * 2, openMaxMs);
    await this.sim.clock.sleep(shutMs);
    if (this.held === null) return;
    this.isProbing = true;
    this.listener();
  }

  private heal(): void {
    this.streak = 0;
    if (this.held === null) return;
    this.note('closes its breaker');
    this.held = null;
    this.isProbing = false;
    this.shutMs = openMs;
    this.listener();
  }
}

/** Every other seed has one. */
export const breakerOf = (seed: number, sim: SimProcess, note: (line: string) => void): readonly Valve[] =>
  seed % 2 === 0 ? [new SimBreaker(sim, note)] : [];
