import type { Clock } from '#libs/kafka/src/index.js';
import { reserveTokens, type RateTerms } from './gcra.fold.js';
import type { RateStore, Reservation } from './rate-store.port.js';

/** RateStore in one process: for tests and the simulator. */
export class MemoryRateStore implements RateStore {
  private readonly tats = new Map<string, number>();
  /** Calls so far. */
  calls = 0;
  /** Thrown instead of an answer. */
  failure: Error | null = null;

  constructor(private readonly clock: Pick<Clock, 'nowMs'>) {}

  async reserve(destination: string, count: number, terms: RateTerms): Promise<Reservation> {
    this.calls++;
    if (this.failure) throw this.failure;
    const nowUs = this.clock.nowMs() * 1_000;
    const { tatUs, ...answer } = reserveTokens(this.tats.get(destination) ?? null, count, nowUs, terms);
    this.tats.set(destination, tatUs);
    return { ...answer, nowUs };
  }

  forget(): void {
    this.tats.clear();
  }
}
