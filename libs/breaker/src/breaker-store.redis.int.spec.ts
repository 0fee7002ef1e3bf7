import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { StoreUnavailableError } from '#libs/identity/src/index.js';
import { RedisBreakerStore } from './breaker-store.redis.js';
import { breakerStoreContract } from './testing/breaker-store.contract.js';

const keyPrefix = `it-${randomUUID()}:`;
const redis = RedisConnection.open({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', name: 'breaker-store-test' });
const store = new RedisBreakerStore(redis, keyPrefix);

/** Forgets what this test wrote and nothing else: the server may be shared. */
async function forget(): Promise<void> {
  await redis.session().run('forget', async (client) => {
    for await (const keys of client.scanStream({ match: `${keyPrefix}*`, count: 1_000 }))
      if ((keys as string[]).length > 0) await client.unlink(keys as string[]);
  });
}

beforeAll(() => redis.whenReady(10_000));
afterAll(async () => {
  await forget();
  await redis.close();
});

breakerStoreContract('redis', async () => ({ store, elapse: () => sleep(80), forget }));

it('says so when Redis cannot be reached', async () => {
  const away = RedisConnection.open({ url: 'redis://127.0.0.1:1', name: 'breaker-store-test' });
  await expect(new RedisBreakerStore(away, keyPrefix).poll(['portal'], null)).rejects.toThrow(StoreUnavailableError);
  await away.close();
});

it('reads a state of another format as none, under its version', async () => {
  const own = `${keyPrefix}{breaker}:of:later`;
  await redis.session().run('write', (client) => client.hset(own, { version: 'v9', state: JSON.stringify({ format: 2, phase: 'x' }) }));
  expect(await store.read('later')).toEqual({ version: 'v9', state: null, lease: null });
});
