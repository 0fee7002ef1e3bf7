// Goal: a request shows the credential of its moment, and no outcome holds anything of it. Method: senders that answer with what they got.
import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '#libs/delivery/src/index.js';
import { authorized } from './authorized-sender.js';
import { without, wordsOf } from './concealing.js';
import type { Credential, CredentialParts } from './credential.js';

type Request = { path: string; headers: Record<string, string> };

function sending(parts: Omit<CredentialParts, 'tid'>, outcomeOf: (request: Request) => Outcome) {
  const sent: Request[] = [];
  const answers: unknown[] = [];
  const credential: Credential = {
    valve: null as never,
    parts: () => ({ tid: 't1', ...parts }),
    answered: (...told) => void answers.push(told),
  };
  const sender = {
    send: async (request: Request) => {
      sent.push(request);
      return outcomeOf(request);
    },
  };
  return {
    sent,
    answers,
    send: (path = '/a') => authorized(sender, credential, ({ status }) => status === 401).send({ path, headers: { x: '1' } }, null),
  };
}

const echo =
  (status: number) =>
  (request: Request): Outcome => ({ kind: 'responded', status, retryAfterMs: null, body: JSON.stringify(request) });
const secret = 'pl4nted/+="s';
const parts = { headers: { authorization: `Bearer ${secret}` }, query: null, words: wordsOf([`Bearer ${secret}`, secret]) };
const inQuery = { headers: {}, query: `key=${encodeURIComponent(secret)}`, words: wordsOf([secret]) };

describe('authorized', () => {
  it('adds headers, and a query to a path with or without one', async () => {
    const one = sending(parts, echo(200));
    await one.send();
    expect(one.sent[0]).toEqual({ path: '/a', headers: { x: '1', authorization: `Bearer ${secret}` } });
    const two = sending(inQuery, echo(200));
    await two.send();
    await two.send('/a?b=1');
    expect(two.sent.map(({ path }) => path)).toEqual([`/a?${inQuery.query}`, `/a?b=1&${inQuery.query}`]);
  });

  it.each([
    [200, 'accepted'],
    [404, 'accepted'],
    [401, 'rejected'],
    [429, 'nothing'],
    [500, 'nothing'],
  ])('tells of %i that the credential was %s', async (status, answer) => {
    const one = sending(parts, echo(status));
    await one.send();
    expect(one.answers).toEqual([['t1', answer, status]]);
  });

  it.each<[string, Outcome]>([
    [
      'an error page',
      {
        kind: 'responded',
        status: 500,
        retryAfterMs: null,
        body: `{"a":${JSON.stringify(secret)}} ${encodeURIComponent(secret)}`,
      },
    ],
    ['a broken connection', { kind: 'unreachable', when: 'after', code: 'X', error: `while sending Bearer ${secret}` }],
    ['a refused request', { kind: 'unsendable', code: 'X', error: `GET /a?key=${encodeURIComponent(secret)}` }],
    ['an answer that is cut off', { kind: 'responded', status: 400, retryAfterMs: null, body: `you sent ${secret.slice(0, 9)}` }],
  ])('leaves nothing of the secret in %s', async (_, outcome) => {
    for (const kind of [parts, inQuery]) {
      const text = JSON.stringify(await sending(kind, () => outcome).send());
      expect(text).not.toContain('pl4nted');
      expect(text).toContain('[credentials]');
    }
  });

  it('says nothing of what was never sent', async () => {
    const one = sending(parts, () => ({ kind: 'not-sent' }));
    expect(await one.send()).toEqual({ kind: 'not-sent' });
    expect(one.answers).toEqual([]);
  });
});

describe('concealing', () => {
  it('leaves everything else as it is', () => {
    expect(without('an ordinary error', wordsOf([secret]))).toBe('an ordinary error');
  });
  it('does not take short words for secrets', () => {
    expect(wordsOf(['abc'])).toEqual([]);
  });
});
