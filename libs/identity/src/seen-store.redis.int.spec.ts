import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from '@jest/globals';
import { RedisConnection } from './redis-connection.redis.js';
import { RedisSeenStore } from './seen-store.redis.js';
import { seenStoreContract } from './testing/seen-store.contract.js';

const keyPrefix = `it-${randomUUID()}:`;
const redis = RedisConnection.open({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', name: 'seen-store-test' });

/** Forgets what this test wrote and nothing else: the server may be shared. */
async function forget(match: string): Promise<void> {
  await redis.session().run('forget', async (client) => {
    for await (const keys of client.scanStream({ match, count: 1_000 }))
      if ((keys as string[]).length > 0) await client.unlink(keys as string[]);
  });
}

beforeAll(() => redis.whenReady(10_000));
afterAll(async () => {
  await forget(`${keyPrefix}*`);
  await redis.close();
});

seenStoreContract('redis', async () => ({
  store: new RedisSeenStore(redis, keyPrefix),
  elapse: (ms) => sleep(ms),
  forget: (incarnation) => forget(`${keyPrefix}{e3:${incarnation}}:*`),
}));
