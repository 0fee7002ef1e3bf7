import type { Metrics } from '#libs/observability/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import type { DeadLetterStore } from './dlq-handler.ports.js';

/** An operator's requeue, or another replica's entry, shows after at most this long. */
const EVERY_MS = 10_000;
/** A flood of entries counts at most this often. */
const SOONEST_MS = 1_000;

/**
 * Keeps `holdfast_dlq_depth` and `holdfast_invalid_depth` true: always counted in Postgres, never added up here, because other
 * replicas and operators change the number too. While Postgres is down the last count stands.
 */
export class Depths {
  private wake: () => void = () => {};
  private readonly stopped = new AbortController();
  private known: { gauge: 'dlqDepth' | 'invalidDepth'; place: string; type: string }[] = [];

  constructor(
    private readonly store: Pick<DeadLetterStore, 'depths'>,
    private readonly metrics: Pick<Metrics<'dlq-handler'>, 'dlqDepth' | 'invalidDepth'>,
    private readonly bounded: Readonly<{ destination(name: string): string; source(name: string): string; type(name: string): string }>,
    private readonly clock: Clock,
  ) {}

  /** Something was stored: count soon. */
  changed(): void {
    this.wake();
  }

  async run(onError: (error: unknown) => void): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      const woken = new AbortController();
      this.wake = () => woken.abort();
      await this.count().catch(onError);
      await this.clock.sleep(EVERY_MS, AbortSignal.any([signal, woken.signal]));
      await this.clock.sleep(SOONEST_MS, signal);
    }
  }

  stop(): void {
    this.stopped.abort();
  }

  async count(): Promise<void> {
    const depths = await this.store.depths();
    // A series that ended stays at 0: a gap would look like a scrape that failed.
    for (const { gauge, place, type } of this.known) this.set(gauge, place, type, 0);
    const sums = new Map<string, { gauge: 'dlqDepth' | 'invalidDepth'; place: string; type: string; count: number }>();
    for (const depth of depths) {
      const gauge = depth.kind === 'dead-letter' ? 'dlqDepth' : 'invalidDepth';
      const place = gauge === 'dlqDepth' ? this.bounded.destination(depth.place) : this.bounded.source(depth.place);
      const type = this.bounded.type(depth.type);
      const key = JSON.stringify([gauge, place, type]);
      sums.set(key, { gauge, place, type, count: depth.count + (sums.get(key)?.count ?? 0) });
    }
    for (const { gauge, place, type, count } of sums.values()) this.set(gauge, place, type, count);
    this.known = [...sums.values()];
  }

  private set(gauge: 'dlqDepth' | 'invalidDepth', place: string, type: string, count: number): void {
    if (gauge === 'dlqDepth') this.metrics.dlqDepth.set({ destination: place, type }, count);
    else this.metrics.invalidDepth.set({ source: place, type }, count);
  }
}
