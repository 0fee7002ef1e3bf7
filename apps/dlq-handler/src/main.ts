import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { nestOptions, runApp } from '#libs/observability/src/index.js';
import { DlqHandlerModule } from './dlq-handler.module.js';

await runApp({
  app: 'dlq-handler',
  start: async (ground) => NestFactory.createApplicationContext(DlqHandlerModule.over(ground), nestOptions(ground.logger)),
});
