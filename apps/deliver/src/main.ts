import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { nestLogger, runApp } from '#libs/observability/src/index.js';
import { DeliverModule } from './deliver.module.js';

await runApp({
  app: 'deliver',
  start: async (ground) => NestFactory.createApplicationContext(DeliverModule.over(ground), { logger: nestLogger(ground.logger) }),
});
