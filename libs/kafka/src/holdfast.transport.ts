import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import type { Clock } from './clock.port.js';
import type { PartitionWork, RecordSource } from './log.port.js';
import { endsWithin } from './retrying.js';
import { systemClock } from './system-clock.js';

export type TransportWork = Readonly<{ source: RecordSource; work: PartitionWork }>;
export type TransportOptions = Readonly<{
  /** Sources stop themselves within their own bound; this one is for all of them together. */
  closeMaxMs?: number;
  clock?: Clock;
}>;

const closeMaxDefaultMs = 20_000;

/**
 * Nest's lifecycle around plain pipelines: `listen` starts every source, `close` stops them within a bound. An app is an ordinary Nest
 * microservice (modules, health, shutdown hooks) and a record still passes no decorator, no observable and no handler map on its way:
 * Nest's own Kafka transport hides the offset and acknowledges what it could not route.
 */
export class HoldfastTransport extends Server<Record<string, never>, 'listening' | 'closed'> implements CustomTransportStrategy {
  override readonly transportId = Symbol('holdfast');

  constructor(
    private readonly works: readonly TransportWork[],
    private readonly options: TransportOptions = {},
  ) {
    super();
  }

  /** Resolves when every source has begun to join; `status()` of a source says when it has its partitions. */
  async listen(callback: (error?: unknown) => unknown): Promise<void> {
    try {
      await Promise.all(this.works.map(({ source, work }) => source.start(work)));
    } catch (error) {
      callback(error);
      return;
    }
    this._status$.next('listening');
    callback();
  }

  async close(): Promise<void> {
    const { clock = systemClock, closeMaxMs = closeMaxDefaultMs } = this.options;
    const stopped = Promise.allSettled(this.works.map(({ source }) => source.stop()));
    if (!(await endsWithin(clock, closeMaxMs, stopped))) {
      this.logger.warn(`sources did not stop within ${closeMaxMs} ms; what they had under way is settled by the next owner`);
    }
    this._status$.next('closed');
  }

  /** There are no transport events: `status()` of the sources says more. */
  on(): void {}

  /** The sources behind it. */
  unwrap<T = readonly RecordSource[]>(): T {
    return this.works.map(({ source }) => source) as T;
  }
}
