// Goal: static credentials are shown in every shape, hold when they are rejected, and come back by a changed secret or a canary.
import { describe, expect, it } from '@jest/globals';
import { Secret } from '#libs/config/src/index.js';
import { valveContract } from '#libs/delivery/src/testing/valve.contract.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import type { CredentialNews } from './credential.js';
import { refreshPolicyDefault } from './decide-refresh.js';
import { StaticCredential, type StaticAuth } from './static-credential.js';

const ref = { kind: 'env', name: 'S' } as const;

function world(auth: StaticAuth, text = 's3cret:ü "key') {
  const clock = new ManualClock();
  const told: string[] = [];
  const news: CredentialNews = {
    refreshed: () => {},
    refreshFailed: () => {},
    rejected: ({ status, count }) => void told.push(`rejected ${status} ${count}`),
    unusable: () => void told.push('unusable'),
    recovered: () => void told.push('recovered'),
  };
  let secret = new Secret(text);
  const secrets = { get: () => [secret], close: () => {} };
  const credential = new StaticCredential(auth, { secrets, clock, policy: { ...refreshPolicyDefault, refreshAt: 1 }, news });
  return { credential, clock, told, change: (to: string) => void (secret = new Secret(to)) };
}

const bearer: StaticAuth = { kind: 'bearer', token: ref };

valveContract('StaticCredential', async () => {
  const { credential, clock, change } = world(bearer, 'one');
  let n = 0;
  return {
    valve: credential.valve,
    shut: async () => credential.answered(credential.parts().tid, 'rejected', 401),
    open: async () => {
      change(`another ${n++}`);
      await clock.advance(1_000);
    },
  };
});

describe('a static credential', () => {
  it.each<[StaticAuth, string, object, string | null]>([
    [bearer, 'abc', { authorization: 'Bearer abc' }, null],
    [{ kind: 'basic', username: 'me', password: ref }, 'pä:ss', { authorization: `Basic ${btoa('me:p\u00c3\u00a4:ss')}` }, null],
    [{ kind: 'header', name: 'X-Key', value: ref }, 'k 1', { 'x-key': 'k 1' }, null],
    [{ kind: 'query', name: 'api key', value: ref }, 'a&b=ü', {}, 'api%20key=a%26b%3D%C3%BC'],
  ])('%j is shown', (auth, secret, headers, query) => {
    expect(world(auth, secret).credential.parts()).toMatchObject({ headers, query });
  });

  it('takes up a changed secret with the next request', () => {
    const { credential, change } = world(bearer, 'old');
    const before = credential.parts();
    expect(credential.parts()).toBe(before);
    change('new');
    expect(credential.parts().headers).toEqual({ authorization: 'Bearer new' });
    expect(credential.parts().tid).not.toBe(before.tid);
  });

  it('rejected holds once, tries one delivery after growing times, and opens when that is accepted', async () => {
    const { credential, clock, told } = world(bearer, 'old');
    const { tid } = credential.parts();
    for (let n = 0; n < 20; n++) credential.answered(tid, 'rejected', 401);
    expect(credential.valve.limit()).toBe(0);
    await clock.advance(1_999);
    expect(credential.valve.limit()).toBe(0);
    await clock.advance(2);
    expect(credential.valve.limit()).toBe(1);
    credential.answered(tid, 'nothing', 503);
    expect(credential.valve.limit()).toBe(1);
    credential.answered(tid, 'rejected', 403);
    await clock.advance(3_900);
    expect(credential.valve.limit()).toBe(0);
    await clock.advance(200);
    credential.answered(tid, 'accepted', 200);
    expect(credential.valve.limit()).toBe(Infinity);
    expect(told).toEqual(['rejected 401 1', 'rejected 403 2', 'recovered']);
  });

  it('is not held for what an old secret was answered', () => {
    const { credential, change } = world(bearer, 'old');
    const { tid } = credential.parts();
    change('new');
    credential.parts();
    credential.answered(tid, 'rejected', 401);
    expect(credential.valve.limit()).toBe(Infinity);
  });

  it('that no header may hold keeps everything back until it is changed, and is never shown', async () => {
    const { credential, clock, told, change } = world(bearer, 'two\nlines');
    expect(credential.valve.limit()).toBe(0);
    expect(credential.valve.holding()!.detail).toContain('such as a line break');
    expect(credential.valve.holding()!.detail).not.toContain('two');
    change('one line');
    await clock.advance(1_001);
    expect(credential.valve.limit()).toBe(Infinity);
    expect(told).toEqual(['unusable', 'recovered']);
    await credential.valve.close();
  });
});
