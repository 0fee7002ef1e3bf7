import type { OnApplicationShutdown } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { HoldfastTransport } from '#libs/kafka/src/kafka.module.js';
import { watchLag, type LagParts, type Shutdown } from '#libs/observability/src/index.js';
import type { IngestProcess } from './ingest.process.js';

type Parts = Readonly<{ ingest: IngestProcess; lag: LagParts; port: number; shutdown: Shutdown }>;

/**
 * When this app begins and ends its work. The end: first the door answers 503 and flushes what it took, then Nest closes the server
 * and the sources, which leave their groups, and then the clients go.
 */
export class IngestLifecycle implements OnApplicationShutdown {
  private readonly end = new AbortController();

  constructor(private readonly parts: Parts) {
    parts.shutdown.add('intake', 'door', () => parts.ingest.stopDoor());
  }

  /** Opens the door and joins the groups. Errors: the port is taken; the message names the variable that changes it. */
  async open(app: NestFastifyApplication): Promise<void> {
    const { ingest, lag, port } = this.parts;
    app.connectMicroservice({ strategy: new HoldfastTransport(ingest.works) });
    await app.startAllMicroservices();
    void watchLag(lag, this.end.signal);
    await app.register(ingest.door);
    try {
      await app.listen(port, '0.0.0.0');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
      throw new Error(`port ${port} is in use; set INGEST_PORT to a free one`, { cause });
    }
  }

  onApplicationShutdown(): void {
    this.end.abort();
  }
}
