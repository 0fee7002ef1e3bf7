import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { HoldfastTransport } from '#libs/kafka/src/kafka.module.js';
import { nestOptions, runApp } from '#libs/observability/src/index.js';
import { DLQ_HANDLER_PROCESS, DlqHandlerModule } from './dlq-handler.module.js';
import type { DlqHandlerProcess } from './dlq-handler.process.js';

await runApp({
  app: 'dlq-handler',
  start: async (ground) => {
    const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(DlqHandlerModule.over(ground), {
      inject: [DLQ_HANDLER_PROCESS],
      useFactory: ({ works }: DlqHandlerProcess) => ({ strategy: new HoldfastTransport(works) }),
      ...nestOptions(ground.logger),
    });
    await app.listen();
    return app;
  },
});
