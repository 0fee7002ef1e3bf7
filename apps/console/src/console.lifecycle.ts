import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ApiPlugin } from './api.fastify.js';

type Parts = Readonly<{ api: ApiPlugin; port: number }>;

/** When the console begins to answer; Nest closes its server. */
export class ConsoleLifecycle {
  constructor(private readonly parts: Parts) {}

  /** Errors: the port is taken; the message names the variable that changes it. */
  async open(app: NestFastifyApplication): Promise<void> {
    const { api, port } = this.parts;
    await app.register(api);
    try {
      await app.listen(port, '0.0.0.0');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
      throw new Error(`port ${port} is in use; set CONSOLE_PORT to a free one`, { cause });
    }
  }
}
