import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { watchLag, type LagParts } from '#libs/observability/src/index.js';

/** What runs beside the partitions; those are started and stopped by the transport. */
export class DedupeLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly end = new AbortController();
  private lag: Promise<void> = Promise.resolve();

  constructor(private readonly lagParts: LagParts) {}

  onApplicationBootstrap(): void {
    this.lag = watchLag(this.lagParts, this.end.signal);
  }

  async onApplicationShutdown(): Promise<void> {
    this.end.abort();
    await this.lag;
  }
}
