import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { nestLogger, runApp } from '#libs/observability/src/index.js';
import { DedupeModule } from './dedupe.module.js';

await runApp({
  app: 'dedupe',
  start: async (ground) => NestFactory.createApplicationContext(DedupeModule.over(ground), { logger: nestLogger(ground.logger) }),
});
