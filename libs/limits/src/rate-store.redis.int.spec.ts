import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { rateTerms } from './gcra.fold.js';
import { RedisRateStore } from './rate-store.redis.js';
import { rateStoreContract } from './testing/rate-store.contract.js';

const keyPrefix = `it-${randomUUID()}:`;
const redis = RedisConnection.open({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', name: 'rate-store-test' });

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

rateStoreContract('redis', async () => ({ store: new RedisRateStore(redis, keyPrefix), elapse: (ms) => sleep(ms), forget }));

it('lets its key lapse when the bucket is full again', async () => {
  const key = `${keyPrefix}{rate:lapsing}`;
  await new RedisRateStore(redis, keyPrefix).reserve('lapsing', 3, rateTerms({ perSecond: 10, burst: 10 }));
  const leftMs = await redis.session().run('pttl', (client) => client.pttl(key));
  expect(leftMs).toBeGreaterThan(0);
  expect(leftMs).toBeLessThanOrEqual(1_000);
});
