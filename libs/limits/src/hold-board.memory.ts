import type { Clock } from '#libs/kafka/src/index.js';
import type { HoldBoard } from './hold-board.port.js';

/** HoldBoard in one process: for tests and the simulator. */
export class MemoryHoldBoard implements HoldBoard {
  private readonly until = new Map<string, number>();
  /** Holds written so far. */
  writes = 0;

  constructor(private readonly clock: Pick<Clock, 'nowMs'>) {}

  async hold(destination: string, forMs: number): Promise<void> {
    this.writes++;
    this.until.set(destination, Math.max(this.until.get(destination) ?? 0, this.clock.nowMs() + forMs));
  }

  async holds(): Promise<ReadonlyMap<string, number>> {
    const nowMs = this.clock.nowMs();
    return new Map([...this.until].flatMap(([name, untilMs]) => (untilMs > nowMs ? [[name, untilMs - nowMs]] : [])));
  }
}
