import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { watchLag, type LagParts } from '#libs/observability/src/index.js';
import { watchGauges, type GaugeParts } from './deliver.gauges.js';

/** What runs beside the partitions; those are started and stopped by the transport. */
export class DeliverLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly end = new AbortController();
  private beside: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly lagParts: LagParts,
    private readonly gaugeParts: GaugeParts,
  ) {}

  onApplicationBootstrap(): void {
    const { signal } = this.end;
    this.beside = Promise.all([watchLag(this.lagParts, signal), watchGauges(this.gaugeParts, signal)]);
  }

  async onApplicationShutdown(): Promise<void> {
    this.end.abort();
    await this.beside;
  }
}
