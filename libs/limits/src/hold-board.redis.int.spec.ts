import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from '@jest/globals';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { RedisHoldBoard } from './hold-board.redis.js';
import { holdBoardContract } from './testing/hold-board.contract.js';

const keyPrefix = `it-${randomUUID()}:`;
const redis = RedisConnection.open({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', name: 'hold-board-test' });

beforeAll(() => redis.whenReady(10_000));
afterAll(async () => {
  await redis.session().run('forget', (client) => client.unlink(`${keyPrefix}{holds}`));
  await redis.close();
});

holdBoardContract('redis', async () => ({ board: new RedisHoldBoard(redis, keyPrefix), elapse: (ms) => sleep(ms) }));
