import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RedisConnection, redisScript, type RedisConnectionOptions, type RedisStatus } from './redis-connection.redis.js';
import { FakeRedisServer, hangUp, silence } from './testing/fake-redis-server.js';

// Goal: a command runs on the connection whose identity was checked, once, or says that it did not; and nothing that may evict is used.
let server: FakeRedisServer;
const open: RedisConnection[] = [];
const told: RedisStatus[] = [];
const connect = (over: Partial<RedisConnectionOptions> = {}): RedisConnection => {
  const redis = RedisConnection.open({
    url: server.url,
    name: 'test',
    watchMs: 30,
    commandTimeoutMs: 100,
    onStatus: (one) => void told.push(one),
    ...over,
  });
  open.push(redis);
  return redis;
};
const until = async (what: () => boolean): Promise<void> => {
  for (let n = 0; !what(); n++) {
    if (n > 1_000) throw new Error(`never came: ${String(what)}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};
const isReady = (redis: RedisConnection) => () => redis.status().ready;
const notReady = (redis: RedisConnection) => () => !redis.status().ready;

beforeEach(async () => {
  server = await FakeRedisServer.start();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
  told.length = 0;
  await server.stop();
});

describe('RedisConnection', () => {
  it('gives the run id of the server behind the current connection', async () => {
    const redis = connect();
    expect(() => redis.identity()).toThrow(expect.objectContaining({ code: 'not-connected' }));
    await redis.whenReady(1_000);
    expect(redis.identity()).toBe('run-1');
    expect(redis.session().evictions).toBe('');
  });

  it('refuses a server that may evict, says how to mend it, and takes it once it is mended', async () => {
    server.policy = 'allkeys-lru';
    const redis = connect();
    await until(() => redis.status().identity !== null);
    expect(redis.status()).toMatchObject({ ready: false });
    expect(redis.status().why).toContain('CONFIG SET maxmemory-policy noeviction');
    expect(() => redis.session()).toThrow(expect.objectContaining({ code: 'refused' }));
    server.policy = 'noeviction';
    await until(isReady(redis));
    server.policy = 'volatile-ttl';
    await until(notReady(redis));
    expect(told.map(({ ready }) => ready)).toEqual([false, true, false]);
  });

  it('ends a session when the connection is lost: the next one may be another server', async () => {
    const redis = connect();
    await redis.whenReady(1_000);
    const before = redis.session();
    server.runId = 'run-2';
    server.dropAll();
    await until(notReady(redis));
    await until(isReady(redis));
    expect(redis.identity()).toBe('run-2');
    await expect(before.run('get', (client) => client.get('k'))).rejects.toMatchObject({ code: 'reconnected', retryable: true });
    expect(server.heard).toEqual([]);
  });

  it('never sends a command again whose connection was lost before its answer', async () => {
    const redis = connect();
    await redis.whenReady(1_000);
    server.answer = () => hangUp;
    await expect(redis.session().run('set', (client) => client.set('k', 'v'))).rejects.toMatchObject({
      name: 'StoreUnavailableError',
      code: 'reconnected',
    });
    server.answer = () => '+OK\r\n';
    await until(isReady(redis));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.heard).toEqual([['set', 'k', 'v']]);
  });

  it('bounds the wait for an answer, and does not trust that connection again', async () => {
    const redis = connect({ watchMs: 60_000 });
    await redis.whenReady(1_000);
    const before = redis.session();
    server.answer = () => silence;
    await expect(before.run('get', (client) => client.get('k'))).rejects.toMatchObject({ code: 'timeout' });
    server.answer = () => '$1\r\nv\r\n';
    await until(isReady(redis));
    expect(await redis.session().run('get', (client) => client.get('k'))).toBe('v');
    expect(redis.session()).not.toBe(before);
  });

  it('says of evictions that keys are gone', async () => {
    const redis = connect();
    await redis.whenReady(1_000);
    server.evictedKeys = 7;
    await until(() => redis.status().evictedKeys === 7);
    expect(redis.session().evictions).toBe('run-1:7');
  });

  it('sends a script in full only to a server that does not know it', async () => {
    const redis = connect();
    await redis.whenReady(1_000);
    const script = redisScript('return 1');
    server.answer = ([name]) => (name === 'evalsha' ? '-NOSCRIPT No matching script.\r\n' : ':1\r\n');
    expect(await redis.session().script('try', script, ['k'], ['a', 2])).toBe(1);
    expect(server.heard).toEqual([
      ['evalsha', script.sha, '1', 'k', 'a', '2'],
      ['eval', 'return 1', '1', 'k', 'a', '2'],
    ]);
  });

  it('keeps a password out of what it says', async () => {
    const redis = connect({ url: `redis://user:secret@127.0.0.1:1/0` });
    await until(() => (redis.status().why ?? '').includes('ECONNREFUSED'));
    expect(redis.status().why).not.toContain('secret');
  });
});
