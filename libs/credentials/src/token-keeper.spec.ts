// Goal: one refresh for all replicas, no storm after a revocation, nothing sent without a token, and a way back from every failure.
// Method: replicas over one memory store and one clock that only the test moves; a scripted token endpoint that counts.
import { afterEach, describe, expect, it } from '@jest/globals';
import { Secret, type SecretRef } from '#libs/config/src/index.js';
import { valveContract } from '#libs/delivery/src/testing/valve.contract.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import type { CredentialNews } from './credential.js';
import { refreshPolicyDefault } from './decide-refresh.js';
import { ScriptedEndpoint } from './testing/scripted-endpoint.js';
import { TokenKeeper } from './token-keeper.js';
import { MemoryTokenStore } from './token-store.memory.js';

const ref: SecretRef = { kind: 'env', name: 'S' };
const down = { kind: 'failed', failure: 'unavailable', code: 'ECONNREFUSED', text: 'gone', retryAfterMs: null } as const;
const open: TokenKeeper[] = [];
afterEach(async () => void (await Promise.all(open.splice(0).map((keeper) => keeper.valve.close()))));

type Options = { replicas?: number; scopes?: string[]; seed?: () => { value: string; name: string } };

function world({ replicas = 1, scopes = [], seed }: Options = {}) {
  const clock = new ManualClock();
  const store = new MemoryTokenStore(() => clock.nowMs());
  const endpoint = new ScriptedEndpoint();
  const told: string[] = [];
  let secret = new Secret('one');
  const news: CredentialNews = {
    refreshed: () => {},
    refreshFailed: ({ code, count, isHeld }) => void told.push(`failed ${code} ${count}${isHeld ? ' held' : ''}`),
    rejected: ({ status, count }) => void told.push(`rejected ${status} ${count}`),
    unusable: (why) => void told.push(why),
    recovered: () => void told.push('recovered'),
  };
  const keepers = Array.from({ length: replicas }, (_, n) => {
    const refresh = { endpoint, scopes, seed: seed ?? null, timeoutMs: 10_000, counted: () => {} };
    const secrets = { get: () => [secret], close: () => {} };
    const policy = { ...refreshPolicyDefault, refreshAt: 0.75 };
    const random = () => (n + 0.5) / replicas;
    const keeper = new TokenKeeper({ id: 'c', store, refresh, secrets, refs: [ref], clock, policy, news, random });
    open.push(keeper);
    keeper.start();
    return keeper;
  });
  const tokenOf = (keeper: TokenKeeper) => keeper.parts().headers['authorization'];
  const rotate = (): void => void (secret = new Secret('two'));
  return { clock, store, endpoint, told, keepers, keeper: keepers[0]!, tokenOf, rotate };
}

valveContract('TokenKeeper', async () => {
  const { keeper, clock, endpoint } = world();
  await clock.advance(10);
  return {
    valve: keeper.valve,
    shut: async () => {
      endpoint.down = down;
      await clock.advance(11_000);
    },
    open: async () => {
      endpoint.down = null;
      await clock.advance(20_000);
    },
  };
});

describe('a token', () => {
  it('is fetched at the start: until then nothing goes out', async () => {
    const { keeper, clock, tokenOf } = world();
    expect(keeper.valve.limit()).toBe(0);
    expect(keeper.valve.holding()).toMatchObject({ reason: 'auth', detail: 'a token is being fetched' });
    await clock.advance(1);
    expect(keeper.valve.limit()).toBe(Infinity);
    expect(tokenOf(keeper)).toBe('Bearer access-1');
  });

  it('is renewed ahead of its end, so that the valve never closes', async () => {
    const { keeper, clock, endpoint } = world();
    await clock.advance(1);
    for (let ms = 0; ms < 60_000; ms += 50) {
      await clock.advance(50);
      expect(keeper.valve.limit()).toBe(Infinity);
    }
    expect(endpoint.asked.length).toBeLessThanOrEqual(9);
    expect(endpoint.asked.length).toBeGreaterThanOrEqual(7);
  });

  it('is fetched once for all replicas, which all use it', async () => {
    const { keepers, clock, endpoint, tokenOf } = world({ replicas: 3 });
    await clock.advance(500);
    expect(endpoint.asked).toHaveLength(1);
    await clock.advance(60_000);
    expect(endpoint.asked.length).toBeLessThanOrEqual(10);
    await clock.advance(1_000);
    expect(keepers.map(tokenOf)).toContain(`Bearer access-${endpoint.given}`);
    expect(keepers.every(({ valve }) => valve.limit() === Infinity)).toBe(true);
  });

  it('is fetched by another replica when the one that holds the lease hangs', async () => {
    const { keepers, clock, endpoint } = world({ replicas: 2 });
    let answer = (): void => {};
    endpoint.gate = new Promise((resolve) => (answer = resolve));
    await clock.advance(10);
    endpoint.gate = Promise.resolve();
    await clock.advance(14_000);
    expect(keepers.map(({ valve }) => valve.limit())).toEqual([0, 0]);
    await clock.advance(3_000);
    expect(Math.max(...keepers.map(({ valve }) => valve.limit()))).toBe(Infinity);
    expect(endpoint.asked).toHaveLength(2);
    answer();
    await clock.advance(500);
    expect(keepers.map(({ valve }) => valve.limit())).toEqual([Infinity, Infinity]);
  });
});

describe('a 401', () => {
  it('of many requests at once causes one refresh, over all replicas', async () => {
    const { keepers, clock, endpoint, tokenOf } = world({ replicas: 3 });
    await clock.advance(500);
    const tids = keepers.map((keeper) => keeper.parts().tid);
    expect(new Set(tids).size).toBe(1);
    for (let n = 0; n < 50; n++) for (const keeper of keepers) keeper.answered(tids[0]!, 'rejected', 401);
    expect(keepers.map(({ valve }) => valve.limit())).toEqual([0, 0, 0]);
    await clock.advance(500);
    expect(endpoint.asked).toHaveLength(2);
    expect(keepers.map(tokenOf)).toEqual(Array(3).fill('Bearer access-2'));
    // Requests that were under way with the old token come back late.
    for (const keeper of keepers) keeper.answered(tids[0]!, 'rejected', 401);
    await clock.advance(500);
    expect(endpoint.asked).toHaveLength(2);
    expect(keepers.every(({ valve }) => valve.limit() === Infinity)).toBe(true);
  });

  it('of a fresh token holds, and one delivery tries a newer one after growing times', async () => {
    const { keeper, clock, endpoint, told } = world();
    await clock.advance(1);
    keeper.answered(keeper.parts().tid, 'rejected', 401);
    await clock.advance(10);
    expect(keeper.valve.limit()).toBe(Infinity);
    keeper.answered(keeper.parts().tid, 'rejected', 401);
    expect(keeper.valve.limit()).toBe(0);
    expect(keeper.valve.holding()).toMatchObject({ reason: 'auth', detail: 'the partner rejects a fresh token with 401' });
    await clock.advance(1_900);
    expect([keeper.valve.limit(), endpoint.asked.length]).toEqual([0, 2]);
    await clock.advance(200);
    expect([keeper.valve.limit(), endpoint.asked.length]).toEqual([1, 3]);
    keeper.answered(keeper.parts().tid, 'rejected', 401);
    await clock.advance(3_900);
    expect(keeper.valve.limit()).toBe(0);
    await clock.advance(200);
    expect(keeper.valve.limit()).toBe(1);
    keeper.answered(keeper.parts().tid, 'accepted', 200);
    expect(keeper.valve.limit()).toBe(Infinity);
    expect(told).toEqual(['rejected 401 1', 'rejected 401 2', 'recovered']);
  });

  it('after an accepted request is the first again', async () => {
    const { keeper, clock, endpoint } = world();
    await clock.advance(1);
    for (let n = 0; n < 3; n++) {
      keeper.answered(keeper.parts().tid, 'rejected', 401);
      await clock.advance(10);
      keeper.answered(keeper.parts().tid, 'accepted', 200);
      expect(keeper.valve.limit()).toBe(Infinity);
    }
    expect(endpoint.asked).toHaveLength(4);
  });
});

it('a 403 holds at once, however many say it', async () => {
  const { keeper, clock, endpoint, told } = world();
  await clock.advance(1);
  for (let n = 0; n < 20; n++) keeper.answered(keeper.parts().tid, 'rejected', 403);
  expect(keeper.valve.limit()).toBe(0);
  expect(told).toEqual(['rejected 403 1']);
  expect(endpoint.asked).toHaveLength(1);
});

describe('a token endpoint that fails', () => {
  it('holds when the last token is over, is asked once by all replicas at growing times, and all go on when it is back', async () => {
    const { keepers, clock, endpoint, told } = world({ replicas: 3 });
    await clock.advance(500);
    endpoint.down = down;
    await clock.advance(8_000);
    expect(keepers.every(({ valve }) => valve.limit() === Infinity)).toBe(true);
    await clock.advance(20_000);
    expect(keepers.map(({ valve }) => valve.limit())).toEqual([0, 0, 0]);
    expect(keepers[0]!.valve.holding()!.detail).toBe('no token: ECONNREFUSED: gone');
    const tries = endpoint.asked.length - 1;
    expect(tries).toBeGreaterThanOrEqual(4);
    expect(tries).toBeLessThanOrEqual(8);
    endpoint.down = null;
    await clock.advance(16_000);
    expect(keepers.every(({ valve }) => valve.limit() === Infinity)).toBe(true);
    expect(told).toContain('failed ECONNREFUSED 1');
    expect(told.filter((line) => line === 'recovered')).toHaveLength(3);
  });

  it('is asked at once with a secret that was changed', async () => {
    const { keeper, clock, endpoint, rotate } = world();
    endpoint.down = { ...down, failure: 'refused', code: 'invalid_client' };
    await clock.advance(120_000);
    endpoint.down = null;
    rotate();
    await clock.advance(1_100);
    expect(keeper.valve.limit()).toBe(Infinity);
  });

  it('is not asked in a hurry for tokens that are over when they come', async () => {
    const { keeper, clock, endpoint } = world();
    endpoint.lifeMs = 0;
    await clock.advance(10_000);
    expect(endpoint.asked.length).toBeLessThan(12);
    expect(keeper.valve.limit()).toBe(0);
  });
});

it('a grant without the scopes that are needed is a failure that names them', async () => {
  const { keeper, clock, endpoint, told } = world({ scopes: ['orders.read', 'orders.write'] });
  endpoint.scope = 'orders.read';
  await clock.advance(10);
  expect(keeper.valve.limit()).toBe(0);
  expect(keeper.valve.holding()!.detail).toContain('lacks orders.write');
  expect(told).toEqual(['failed insufficient_scope 1 held']);
});

describe('a rotating refresh token', () => {
  const seed = () => ({ value: 'seed', name: 'n1' });

  it('is used once each, and outlives the process', async () => {
    const first = world({ seed });
    first.endpoint.rotates = true;
    await first.clock.advance(20_000);
    expect(first.endpoint.asked).toEqual(['seed', 'refresh-1', 'refresh-2']);
    expect((await first.store.read('c')).record.refreshToken).toEqual({ value: 'refresh-3', seed: 'n1' });
  });

  it('gives way to another one in the configuration', async () => {
    let name = 'n1';
    const { endpoint, clock } = world({ seed: () => ({ value: `seed of ${name}`, name }) });
    endpoint.rotates = true;
    await clock.advance(1);
    name = 'n2';
    await clock.advance(8_000);
    expect(endpoint.asked).toEqual(['seed of n1', 'seed of n2']);
  });

  it('is kept when the store does not answer at first', async () => {
    const { endpoint, clock, store } = world({ seed });
    endpoint.rotates = true;
    const save = store.save.bind(store);
    let fails = 5;
    store.save = async (...args) => {
      if (fails-- > 0) throw new Error('away');
      return save(...args);
    };
    await clock.advance(3_000);
    expect(endpoint.asked).toEqual(['seed']);
    expect((await store.read('c')).record.refreshToken).toEqual({ value: 'refresh-1', seed: 'n1' });
  });
});
