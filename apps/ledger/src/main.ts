import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { HoldfastTransport } from '#libs/kafka/src/kafka.module.js';
import { nestOptions, runApp } from '#libs/observability/src/index.js';
import { LEDGER_PROCESS, LedgerModule } from './ledger.module.js';
import type { LedgerProcess } from './ledger.process.js';

await runApp({
  app: 'ledger',
  start: async (ground) => {
    const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(LedgerModule.over(ground), {
      inject: [LEDGER_PROCESS],
      useFactory: ({ works }: LedgerProcess) => ({ strategy: new HoldfastTransport(works) }),
      ...nestOptions(ground.logger),
    });
    await app.listen();
    return app;
  },
});
