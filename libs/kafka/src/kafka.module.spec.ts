import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HoldfastTransport } from './holdfast.transport.js';
import { KafkaModule, LOG_CLUSTER } from './kafka.module.js';
import type { PartitionWork, RecordSource } from './log.port.js';
import { MemoryLog } from './memory-log.js';

// Goal: a Nest microservice starts and stops sources by its own lifecycle, and closing has an end.
describe('the Nest transport', () => {
  const log = new MemoryLog().createTopic('in', 2);

  @Module({ imports: [KafkaModule.with(log.process())] })
  class App {}

  it('starts the sources with the microservice, and stops them with it', async () => {
    const seen: number[] = [];
    let ended = 0;
    const source = log.process(undefined, 'app').source({ group: 'g', topic: 'in' });
    const work: PartitionWork = async ({ partition }, lease) => {
      seen.push(partition);
      await new Promise((resolve) => lease.revoked.addEventListener('abort', resolve));
      ended += 1;
    };
    const transport = new HoldfastTransport([{ source, work }]);
    const app = await NestFactory.createMicroservice(App, { strategy: transport, logger: false });
    expect(app.get(LOG_CLUSTER)).toBeDefined();
    await app.listen();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen.sort()).toEqual([0, 1]);
    expect(transport.unwrap()).toEqual([source]);
    await app.close();
    expect(ended).toBe(2);
    expect(source.status().joined).toBe(false);
  });

  it('does not wait for ever for a source that does not stop, and tells of one that does not start', async () => {
    const stubborn = { start: async () => {}, stop: () => new Promise(() => {}) } as unknown as RecordSource;
    const transport = new HoldfastTransport([{ source: stubborn, work: async () => {} }], { closeMaxMs: 20 });
    await transport.listen(() => {});
    await transport.close();
    const broken = { start: () => Promise.reject(new Error('planted')), stop: async () => {} } as unknown as RecordSource;
    let told: unknown = null;
    await new HoldfastTransport([{ source: broken, work: async () => {} }]).listen((error) => (told = error));
    expect(told).toEqual(new Error('planted'));
  });
});
