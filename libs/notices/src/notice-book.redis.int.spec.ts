import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from '@jest/globals';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { RedisNoticeBook } from './notice-book.redis.js';
import { noticeBookContract } from './testing/notice-book.contract.js';

const keyPrefix = `it-${randomUUID()}:`;
const redis = RedisConnection.open({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', name: 'notice-book-test' });
beforeAll(() => redis.whenReady(10_000));
afterAll(async () => {
  await redis.session().run('forget', async (client) => {
    for await (const keys of client.scanStream({ match: `${keyPrefix}*`, count: 1_000 }))
      if ((keys as string[]).length > 0) await client.unlink(keys as string[]);
  });
  await redis.close();
});

noticeBookContract('redis', async () => ({ book: new RedisNoticeBook(redis, keyPrefix), elapse: () => sleep(60) }));
