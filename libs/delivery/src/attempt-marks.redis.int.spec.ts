import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { MarksUnavailableError } from './attempt-marks.port.js';
import { RedisAttemptMarksStore } from './attempt-marks.redis.js';
import { attemptMarksContract } from './testing/attempt-marks.contract.js';

const keyPrefix = `it-${randomUUID()}:`;
const redis = RedisConnection.open({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', name: 'attempt-marks-test' });
const store = new RedisAttemptMarksStore(redis, keyPrefix);

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

attemptMarksContract('redis', async () => ({ store, wipe: ({ incarnation }) => forget(`${keyPrefix}*${incarnation}}*`) }));

it('says so when Redis cannot be reached', async () => {
  const away = RedisConnection.open({ url: 'redis://127.0.0.1:1', name: 'attempt-marks-test' });
  const marks = new RedisAttemptMarksStore(away).of({ topic: 't', partition: 0, incarnation: 'i' });
  await expect(marks.identity()).rejects.toThrow(MarksUnavailableError);
  await away.close();
});

it('does not ask a Redis of another run id', async () => {
  const marks = store.of({ topic: 't', partition: 0, incarnation: randomUUID() });
  const identity = await marks.identity();
  const other = `0123456789:${identity.slice(identity.indexOf(':') + 1)}`;
  expect(await marks.claim({ number: 1, identity: other }, [{ offset: 0, again: false, claimId: 'a', atMs: 0 }])).toEqual({
    kind: 'refused',
    why: 'other-identity',
  });
});
