import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { nestOptions, runApp } from '#libs/observability/src/index.js';
import { ingestBoundsDefault } from './ingest.config.js';
import { IngestLifecycle } from './ingest.lifecycle.js';
import { IngestModule } from './ingest.module.js';

await runApp({
  app: 'ingest',
  start: async (ground) => {
    const adapter = new FastifyAdapter({ requestTimeout: ingestBoundsDefault.requestMaxMs, forceCloseConnections: 'idle' });
    const options = { ...nestOptions(ground.logger), bodyParser: false };
    const app = await NestFactory.create<NestFastifyApplication>(IngestModule.over(ground), adapter, options);
    await app.get(IngestLifecycle).open(app);
    return app;
  },
});
