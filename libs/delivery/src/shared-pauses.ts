import type { Clock } from '#libs/kafka/src/index.js';
import { HoldValve } from './hold-valve.js';
import type { Pauses } from './pauses.port.js';
import type { Valve } from './valve.port.js';

export type SharedPausesParts = Readonly<{
  pauses: Pauses;
  clock: Clock;
  /** A destination is paused, or goes on. */
  told(destination: string, pausedBy: string | null): void;
}>;

const readEveryMs = 1_000;

/** The valves that operators shut, in one process: one call a second for all destinations. Redis away: what is known stands. */
export class SharedPauses {
  private readonly valves = new Map<string, HoldValve>();
  private readonly closing = new AbortController();

  constructor(private readonly parts: SharedPausesParts) {}

  valve(destination: string): Valve {
    if (this.valves.size === 0) void this.follow();
    const valve = new HoldValve(this.parts.clock, 'paused');
    this.valves.set(destination, valve);
    return valve;
  }

  async close(): Promise<void> {
    this.closing.abort();
  }

  private async follow(): Promise<void> {
    const { pauses, clock, told } = this.parts;
    while (!this.closing.signal.aborted) {
      const paused = await pauses.all().catch(() => null);
      for (const [destination, valve] of paused ? this.valves : []) {
        const pause = paused?.get(destination);
        if (pause && valve.hold(null, `${pause.by}: ${pause.reason}`)) told(destination, pause.by);
        if (!pause && valve.holding()) {
          valve.release();
          told(destination, null);
        }
      }
      await clock.sleep(readEveryMs, this.closing.signal);
    }
  }
}
