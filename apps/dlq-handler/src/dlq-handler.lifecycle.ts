import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { watchLag, type LagParts } from '#libs/observability/src/index.js';
import type { Depths } from './depths.js';
import type { DlqHandlerProcess } from './dlq-handler.process.js';

type Parts = Readonly<{ process: DlqHandlerProcess; depths: Depths; lag: LagParts; onDepthsError(error: unknown): void }>;

/** Joins both groups when the application is up; on its end what is under way is committed, and the groups are left. */
export class DlqHandlerLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly end = new AbortController();
  private beside: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: Parts) {}

  async onApplicationBootstrap(): Promise<void> {
    const { process, depths, lag, onDepthsError } = this.parts;
    await process.start();
    this.beside = Promise.all([depths.run(onDepthsError), watchLag(lag, this.end.signal)]);
  }

  async onApplicationShutdown(): Promise<void> {
    this.end.abort();
    this.parts.depths.stop();
    await Promise.all([this.parts.process.stop(), this.beside]);
  }
}
