import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { HoldfastTransport } from '#libs/kafka/src/kafka.module.js';
import { nestOptions, runApp } from '#libs/observability/src/index.js';
import { DedupeModule } from './dedupe.module.js';
import { DEDUPE_PROCESS, type DedupeProcess } from './dedupe.process.js';

await runApp({
  app: 'dedupe',
  start: async (ground) => {
    const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(DedupeModule.over(ground), {
      inject: [DEDUPE_PROCESS],
      useFactory: (dedupe: DedupeProcess) => ({ strategy: new HoldfastTransport([dedupe]) }),
      ...nestOptions(ground.logger),
    });
    await app.listen();
    return app;
  },
});
