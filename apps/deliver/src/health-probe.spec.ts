import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '#libs/delivery/src/index.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import type { OutboundRequest } from './deliver.ports.js';
import { healthProbe } from './health-probe.js';

// Goal: only a 2xx says that a partner is well, and it is asked with the credentials of its deliveries.
const answered = (status: number): Outcome => ({ kind: 'responded', status, retryAfterMs: null, body: 'a page' });

async function probed(outcome: Outcome) {
  const sent: OutboundRequest[] = [];
  const clock = new ManualClock();
  const sender = { send: async (request: OutboundRequest) => (sent.push(request), outcome) };
  const credentials = () => ({ authorization: 'Bearer t' });
  const probe = healthProbe({ url: 'https://portal.example/health?deep=1', sender, credentials, clock, timeoutMs: 100 });
  return { sent, result: await probe() };
}

describe('healthProbe', () => {
  it.each<[string, Outcome, boolean, string]>([
    ['200', answered(200), true, ''],
    ['204', answered(204), true, ''],
    ['a redirect', answered(302), false, 'its health URL answered 302'],
    ['503', answered(503), false, 'its health URL answered 503'],
    [
      'nobody there',
      { kind: 'unreachable', when: 'before', code: 'ECONNREFUSED', error: 'with a secret' },
      false,
      'its health URL did not answer (ECONNREFUSED)',
    ],
    ['too late', { kind: 'not-sent' }, false, 'its health URL could not be asked in time'],
  ])('%s', async (_name, outcome, ok, cause) => {
    const { sent, result } = await probed(outcome);
    expect(result).toEqual({ ok, cause });
    expect(sent).toEqual([{ method: 'GET', path: '/health?deep=1', headers: { authorization: 'Bearer t' }, body: null }]);
  });
});
