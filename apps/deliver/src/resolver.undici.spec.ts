import { describe, expect, it } from '@jest/globals';
import type { LookupConfig } from '#libs/config/src/index.js';
import { LookupResolver } from './resolver.undici.js';
import { testDelivery } from './testing/deliver.world.js';

const config: LookupConfig = {
  url: { text: 'https://portal.example/api/x', placeholders: [], pointers: [] },
  method: 'GET',
  revision: '/version',
  match: null,
  creates: false,
  body: undefined,
  timeoutMs: null,
  graceMs: 0,
  result: {},
};

const answer = async (body: string, revision: string): Promise<string> => {
  const sender = { send: async () => ({ kind: 'responded', status: 200, retryAfterMs: null, body }) as const };
  const resolver = new LookupResolver(config, sender, () => ({}));
  return (await resolver.ask(testDelivery(0, { event: { revision } }), { wallMs: 0, monotonicMs: 0 })).kind;
};

describe('LookupResolver', () => {
  it('compares revisions beyond 2^53 as they are written (rule 21)', async () => {
    // As a double …993 is …992: this very change would not be found, and would be sent again.
    expect(await answer('{"version":9007199254740993}', '9007199254740993')).toBe('found');
    // As a double …995 is …996: an older change would be taken for this one, which would be lost.
    expect(await answer('{"version":9007199254740995}', '9007199254740996')).toBe('not-found');
  });
});
