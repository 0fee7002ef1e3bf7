import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RedisConnection, type RedisSession } from './redis-connection.redis.js';
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

it('takes evictions for loss, once for each time they are seen', async () => {
  let evictions = '';
  const seeing = { session: (): RedisSession => ({ ...redis.session(), evictions }) };
  const store = new RedisSeenStore(seeing, keyPrefix);
  const incarnation = randomUUID();
  const claim = async (from: number, next: number) =>
    (await store.claim({ partition: 3, incarnation, from, next, floor: 0, settled: from, lagMs: 0, slackMs: 1_000, claims: [] })).kind;
  expect(await claim(0, 5)).toBe('judged');
  evictions = 'run-1:12';
  expect(await claim(5, 6)).toBe('refused');
  expect(await claim(0, 5)).toBe('judged');
  expect(await claim(5, 6)).toBe('judged');
  evictions = ''; // The server was started again since.
  expect(await claim(6, 7)).toBe('judged');
});
