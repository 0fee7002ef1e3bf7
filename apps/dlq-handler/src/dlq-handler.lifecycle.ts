import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { watchLag, type LagParts } from '#libs/observability/src/index.js';
import type { Depths } from './depths.js';

type Parts = Readonly<{ depths: Depths; lag: LagParts; onDepthsError(error: unknown): void }>;

/** What runs beside the partitions; those are started and stopped by the transport. */
export class DlqHandlerLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly end = new AbortController();
  private beside: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: Parts) {}

  onApplicationBootstrap(): void {
    const { depths, lag, onDepthsError } = this.parts;
    this.beside = Promise.all([depths.run(onDepthsError), watchLag(lag, this.end.signal)]);
  }

  async onApplicationShutdown(): Promise<void> {
    this.end.abort();
    this.parts.depths.stop();
    await this.beside;
  }
}
