/**
 * Goal: the stack that tests and `npm start` stand on is real, keeps its data over a kill, and leaves nothing behind.
 * Method: a stack of its own on free ports; each service is used by an ordinary client, Kafka is killed with -9 and started again, and at the end the
 * processes that were seen are looked for.
 */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Kafka, logLevel, type Consumer } from 'kafkajs';
import pg from 'pg';
import { isPortFree } from '../../../tools/stack/ports.js';
import { startOwnStack, type OwnStack } from './stack.js';

let stack: OwnStack;

beforeAll(async () => {
  stack = await startOwnStack();
});

afterAll(async () => {
  await stack.stop();
});

function client(): Kafka {
  return new Kafka({ brokers: [stack.kafka.address], logLevel: logLevel.NOTHING, retry: { retries: 10, initialRetryTime: 50 } });
}

async function produce(topic: string, value: string): Promise<void> {
  const producer = client().producer({ transactionalId: `stack-test-${value}`, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [{ key: 'k', value }] });
  await transaction.commit();
  await producer.disconnect();
}

/** The first `count` values of a topic, from its beginning. */
async function consume(topic: string, count: number): Promise<string[]> {
  const consumer: Consumer = client().consumer({ groupId: `stack-test-${count}`, sessionTimeout: 6_000 });
  const values: string[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        values.push(message.value?.toString() ?? '');
        if (values.length === count) resolve();
      },
    });
  });
  await consumer.disconnect();
  return values;
}

describe('a stack of its own', () => {
  it('carries a record through Kafka, also after the broker was killed, and on its old data', async () => {
    const admin = client().admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'stack-test', numPartitions: 1 }] });
    await admin.disconnect();
    await produce('stack-test', 'before');
    expect(await consume('stack-test', 1)).toEqual(['before']);

    await stack.kafka.kill();
    expect(await isPortFree(Number(stack.kafka.address.split(':')[1]))).toBe(true);
    await stack.kafka.start();
    await produce('stack-test', 'after');
    expect(await consume('stack-test', 2)).toEqual(['before', 'after']);
  });

  it('does not make topics by itself', async () => {
    const admin = client().admin();
    await admin.connect();
    await expect(admin.fetchTopicMetadata({ topics: ['never-made'] })).rejects.toThrow(/does not host this topic-partition/);
    await admin.disconnect();
  });

  it('has a Redis that appends to a file, refuses to evict and is of a version the scripts are written for', async () => {
    const redis = new Redis(stack.redis.address);
    await redis.set('k', 'v');
    expect(await redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    await stack.redis.kill();
    redis.disconnect();
    await stack.redis.start();
    const again = new Redis(stack.redis.address);
    expect(await again.get('k')).toBe('v');
    expect(await again.config('GET', 'appendonly')).toEqual(['appendonly', 'yes']);
    again.disconnect();
  });

  it('has a registry that keeps a schema and its compatibility over a kill', async () => {
    const post = (path: string, method: string, body: object): Promise<Response> =>
      fetch(`${stack.registry.address}${path}`, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const { id } = (await (await post('/subjects/s-value/versions', 'POST', { schema: '"string"' })).json()) as { id: number };
    await post('/config/s-value', 'PUT', { compatibility: 'BACKWARD_TRANSITIVE' });
    await stack.registry.kill();
    await stack.registry.start();
    const schema: unknown = await (await fetch(`${stack.registry.address}/schemas/ids/${id}`)).json();
    expect(schema).toMatchObject({ schema: '"string"' });
    const config: unknown = await (await fetch(`${stack.registry.address}/config/s-value`)).json();
    expect(config).toEqual({ compatibilityLevel: 'BACKWARD_TRANSITIVE' });
  });

  it('has a Postgres that keeps a committed row over a kill', async () => {
    const statement = async (sql: string): Promise<unknown[]> => {
      const postgres = new pg.Client({ connectionString: stack.postgres.address });
      await postgres.connect();
      const { rows } = await postgres.query<Record<string, unknown>>(sql);
      await postgres.end();
      return rows;
    };
    await statement('CREATE TABLE t (n int); INSERT INTO t VALUES (1)');
    await stack.postgres.kill();
    await stack.postgres.start();
    expect(await statement('SELECT n FROM t')).toEqual([{ n: 1 }]);
  });

  it('leaves no process, port or file behind', async () => {
    const ports = Object.values(stack.addresses).map((address) => Number(/:(\d+)(?:\/|$)/.exec(address)?.[1]));
    const { folder } = stack;
    expect(existsSync(folder)).toBe(true);
    await stack.stop();
    expect(await Promise.all(ports.map((port) => isPortFree(port)))).toEqual(ports.map(() => true));
    expect(existsSync(folder)).toBe(false);
  });
});
