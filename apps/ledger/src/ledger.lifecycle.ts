import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import type { Clock } from '#libs/kafka/src/index.js';
import { watchLag, type LagParts } from '#libs/observability/src/index.js';

type Parts = Readonly<{ lag: LagParts; clock: Clock; prune(): Promise<void> }>;

const PRUNE_EVERY_MS = 3_600_000;

/** What runs beside the partitions; those are started and stopped by the transport. */
export class LedgerLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly end = new AbortController();
  private beside: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: Parts) {}

  onApplicationBootstrap(): void {
    this.beside = Promise.all([this.pruneNowAndThen(), watchLag(this.parts.lag, this.end.signal)]);
  }

  async onApplicationShutdown(): Promise<void> {
    this.end.abort();
    await this.beside;
  }

  private async pruneNowAndThen(): Promise<void> {
    while (!this.end.signal.aborted) {
      await this.parts.prune();
      await this.parts.clock.sleep(PRUNE_EVERY_MS, this.end.signal);
    }
  }
}
