// Goal: the shared store keeps its contract, and Redis never sees a secret. Method: real Redis, keys of its own, what lies there read raw.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Secret } from '#libs/config/src/index.js';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { tokenStoreContract } from './testing/token-store.contract.js';
import { tokenSeal } from './token-seal.js';
import { readTokenFacts, RedisTokenStore } from './token-store.redis.js';

const keyPrefix = `it-${randomUUID()}:`;
const redis = RedisConnection.open({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', name: 'token-store-test' });
const keyOf = (letter: string): Secret => new Secret(letter.repeat(32));
const storeWith = (...letters: string[]) =>
  new RedisTokenStore(
    redis,
    tokenSeal(() => letters.map(keyOf)),
    keyPrefix,
  );

const ids = ['a-credential', 'another', 'sealed', 'rotating', 'kept', 'lapsing'];
const forget = async (): Promise<void> => {
  const keys = ids.flatMap((id) => ['record', 'lease'].map((end) => `${keyPrefix}{credential:${id}}:${end}`));
  await redis.session().run('forget', (client) => client.unlink(keys));
};

beforeAll(() => redis.whenReady(10_000));
afterAll(async () => {
  await forget();
  await redis.close();
});

tokenStoreContract('redis', async () => ({ store: storeWith('k'), elapse: (ms) => sleep(ms), forget }));

const token = { tid: 't1', accessToken: 'planted-access', issuedAtMs: 1, expiresAtMs: Date.now() + 60_000, scopes: ['a'] };
const record = { token, failing: null, refreshToken: { value: 'planted-refresh', seed: 's' } };

it('seals what is secret: nothing of it lies in Redis, and facts need no key', async () => {
  await storeWith('k').save('sealed', 'l1', record);
  const raw = await redis.session().run('raw', (client) => client.hgetall(`${keyPrefix}{credential:sealed}:record`));
  expect(JSON.stringify(raw)).not.toContain('planted');
  expect(raw['facts']).toContain('t1');
  expect(await readTokenFacts(redis, keyPrefix, 'sealed')).toEqual({
    token: { tid: 't1', issuedAtMs: 1, expiresAtMs: token.expiresAtMs, scopes: ['a'] },
    failing: null,
    hasRefreshToken: true,
  });
  expect(await readTokenFacts(redis, keyPrefix, 'unknown')).toBeNull();
});

it('opens what an old key sealed, and leaves what it cannot open', async () => {
  await storeWith('a').save('rotating', 'l1', record);
  expect((await storeWith('b', 'a').read('rotating')).record.token?.accessToken).toBe('planted-access');
  const blind = storeWith('c');
  const seen = (await blind.read('rotating')).record;
  expect(seen).toEqual({ token: null, failing: null, refreshToken: { value: null, seed: 's' } });
  await blind.save('rotating', 'l1', seen);
  expect((await storeWith('a').read('rotating')).record.refreshToken).toEqual({ value: 'planted-refresh', seed: 's' });
});

it('lets a token lapse long after its end, and keeps a refresh token for good', async () => {
  await storeWith('k').save('kept', 'l1', record);
  await storeWith('k').save('lapsing', 'l1', { ...record, refreshToken: null });
  const ttlOf = (id: string) => redis.session().run('pttl', (client) => client.pttl(`${keyPrefix}{credential:${id}}:record`));
  expect(await ttlOf('kept')).toBe(-1);
  expect(await ttlOf('lapsing')).toBeGreaterThan(6 * 86_400_000);
});
