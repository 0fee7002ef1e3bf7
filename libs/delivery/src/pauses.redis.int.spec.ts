import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { RedisPauses } from './pauses.redis.js';
import { pausesContract } from './testing/pauses.contract.js';

const keyPrefix = `it-${randomUUID()}:`;
const redis = RedisConnection.open({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', name: 'pauses-test' });

beforeAll(() => redis.whenReady(10_000));
afterAll(async () => {
  await redis.session().run('forget', (client) => client.unlink(`${keyPrefix}{pauses}`));
  await redis.close();
});

pausesContract('redis', async () => new RedisPauses(redis, keyPrefix));

it('takes what it cannot read for a pause', async () => {
  await redis.session().run('scribble', (client) => client.hset(`${keyPrefix}{pauses}`, 'odd', 'no json'));
  expect((await new RedisPauses(redis, keyPrefix).all()).get('odd')).toMatchObject({ by: 'unknown' });
});
