import { describe, expect, it } from '@jest/globals';
import type { AuthConfig } from '#libs/config/src/index.js';
import type { Outcome } from '#libs/delivery/src/index.js';
import { concealing } from './credentials.js';
import type { Sender } from './deliver.ports.js';

const ref = { kind: 'env', name: 'X' } as never;
const deadline = { wallMs: 0, monotonicMs: 0 };
const answering = (outcome: Outcome): Sender => ({ send: async () => outcome });
const echo = (body: string): Outcome => ({ kind: 'responded', status: 500, retryAfterMs: null, body });

async function bodyOf(auth: AuthConfig, headers: Record<string, string>, body: string): Promise<string | null> {
  const request = { method: 'POST', path: '/', headers, body: null };
  const outcome = await concealing(answering(echo(body)), auth).send(request, deadline);
  return outcome.kind === 'responded' ? outcome.body : null;
}

describe('concealing', () => {
  it('takes a token out of an error page that repeats the request', async () => {
    const headers = { authorization: 'Bearer s3cret-token' };
    expect(await bodyOf({ kind: 'bearer', token: ref }, headers, '{"headers":{"Authorization":"Bearer s3cret-token"}}')).toBe(
      '{"headers":{"Authorization":"[credentials]"}}',
    );
    expect(await bodyOf({ kind: 'bearer', token: ref }, headers, 'token s3cret-token is over')).toBe('token [credentials] is over');
  });

  it('takes a basic password out, encoded or not, and a header of any name', async () => {
    const basic = `Basic ${Buffer.from('me:pa:ss"word').toString('base64')}`;
    const auth: AuthConfig = { kind: 'basic', username: 'me', password: ref };
    const told = await bodyOf(auth, { authorization: basic }, `${basic} pa:ss"word ${JSON.stringify('pa:ss"word')}`);
    expect(told).toBe('[credentials] [credentials] "[credentials]"');
    expect(await bodyOf({ kind: 'header', name: 'X-Key', value: ref }, { 'x-key': 'k-12345' }, 'bad key k-12345')).toBe(
      'bad key [credentials]',
    );
  });

  it('takes out what was cut off within the secret, and leaves everything else', async () => {
    const headers = { authorization: 'Bearer s3cret-token-long' };
    expect(await bodyOf({ kind: 'bearer', token: ref }, headers, 'you sent s3cret-tok')).toBe('you sent [credentials]');
    expect(await bodyOf({ kind: 'bearer', token: ref }, headers, 'an ordinary error')).toBe('an ordinary error');
  });
});
