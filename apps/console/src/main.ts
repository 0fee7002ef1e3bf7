import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { nestOptions, runApp } from '#libs/observability/src/index.js';
import { ConsoleLifecycle } from './console.lifecycle.js';
import { ConsoleModule } from './console.module.js';

const REQUEST_MAX_MS = 30_000;

await runApp({
  app: 'console',
  start: async (ground) => {
    const adapter = new FastifyAdapter({ requestTimeout: REQUEST_MAX_MS, forceCloseConnections: 'idle' });
    const app = await NestFactory.create<NestFastifyApplication>(ConsoleModule.over(ground), adapter, nestOptions(ground.logger));
    await app.get(ConsoleLifecycle).open(app);
    return app;
  },
});
