import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { watchGauges, type GaugeParts } from './deliver.gauges.js';
import type { DeliverProcess } from './deliver.process.js';

/** Joins the groups when the application is up; on its end gives the partitions back and waits for what is under way (bounded by the sources). */
export class DeliverLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly end = new AbortController();
  private gauges: Promise<void> = Promise.resolve();

  constructor(
    private readonly process: DeliverProcess,
    private readonly gaugeParts: GaugeParts,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.process.start();
    this.gauges = watchGauges(this.gaugeParts, this.end.signal);
  }

  async onApplicationShutdown(): Promise<void> {
    this.end.abort();
    await Promise.all([this.process.stop(), this.gauges]);
  }
}
