import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { HoldfastTransport } from '#libs/kafka/src/kafka.module.js';
import { nestOptions, runApp } from '#libs/observability/src/index.js';
import { DeliverModule } from './deliver.module.js';
import { DELIVER_PROCESS, type DeliverProcess } from './deliver.process.js';

await runApp({
  app: 'deliver',
  start: async (ground) => {
    const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(DeliverModule.over(ground), {
      inject: [DELIVER_PROCESS],
      useFactory: ({ works }: DeliverProcess) => ({ strategy: new HoldfastTransport(works) }),
      ...nestOptions(ground.logger),
    });
    await app.listen();
    return app;
  },
});
