import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { watchLag } from './dedupe.lag.js';
import type { DedupeProcess } from './dedupe.process.js';

/** Joins the group when the application is up; on its end gives the partitions back and waits for what is under way (bounded by the source). */
export class DedupeLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly end = new AbortController();
  private lag: Promise<void> = Promise.resolve();

  constructor(
    private readonly process: DedupeProcess,
    private readonly lagParts: Parameters<typeof watchLag>[0],
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.process.start();
    this.lag = watchLag(this.lagParts, this.end.signal);
  }

  async onApplicationShutdown(): Promise<void> {
    this.end.abort();
    await Promise.all([this.process.stop(), this.lag]);
  }
}
