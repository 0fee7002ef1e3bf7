import { describe, expect, it } from '@jest/globals';
import { decideClass, type ClassRules, type SentOutcome, type UnknownRule } from './decide-class.js';

// Goal: pin class and effect of every outcome. Method: one row = outcome → class, rule, effect.
const rules = (resolve: UnknownRule = 'idempotency-key', over: Partial<ClassRules> = {}): ClassRules => ({
  classify: [],
  unknown: { resolve, statuses: [504] },
  ...over,
});
const status = (code: number, retryAfterMs: number | null = null): SentOutcome => ({
  kind: 'responded',
  status: code,
  retryAfterMs,
  body: null,
});
const failed = (when: 'before' | 'after'): SentOutcome => ({ kind: 'unreachable', when, code: 'ECONNRESET', error: 'reset' });

describe('decideClass', () => {
  const rows: [name: string, outcome: SentOutcome, expected: string][] = [
    ['200', status(200), 'delivered default yes'],
    ['204', status(204), 'delivered default yes'],
    ['299', status(299), 'delivered default yes'],
    ['302: redirects are not followed', status(302), 'permanent default no'],
    ['400', status(400), 'business default no'],
    ['401', status(401), 'auth default no'],
    ['403', status(403), 'auth default no'],
    ['404', status(404), 'business default no'],
    ['408', status(408), 'transient default no'],
    ['409', status(409), 'business default no'],
    ['422', status(422), 'business default no'],
    ['425', status(425), 'transient default no'],
    ['429', status(429), 'throttled default no'],
    ['429 with a time', status(429, 5_000), 'throttled default no'],
    ['500 proves nothing', status(500), 'transient default maybe'],
    ['501 is a refusal', status(501), 'transient default no'],
    ['502 proves nothing', status(502), 'transient default maybe'],
    ['503 is a refusal', status(503), 'transient default no'],
    ['503 with Retry-After', status(503, 1_000), 'throttled default no'],
    ['504 proves nothing', status(504), 'transient default maybe'],
    ['524 proves nothing', status(524), 'transient default maybe'],
    ['no connection', failed('before'), 'transient default no'],
    ['a reset behind the request', failed('after'), 'unknown default maybe'],
    ['what cannot be sent', { kind: 'unsendable', code: 'HF_ADDRESS_REFUSED', error: '' }, 'permanent default no'],
  ];
  it.each(rows)('%s', (_name, outcome, expected) => {
    const { class: named, rule, effect } = decideClass(outcome, rules());
    expect(`${named} ${rule} ${effect}`).toBe(expected);
  });

  it.each(['resend', 'hold'] as const)('counts unknown.statuses as unknown under %s, and only those', (resolve) => {
    expect(decideClass(status(504), rules(resolve))).toEqual({ class: 'unknown', rule: 'unknown.statuses', effect: 'maybe' });
    expect(decideClass(status(500), rules(resolve))).toMatchObject({ class: 'transient', effect: 'maybe' });
  });

  it.each(['idempotency-key', 'lookup'] as const)('needs no unknown.statuses under %s: the retry asks or dedupes anyway', (resolve) => {
    expect(decideClass(status(504), rules(resolve))).toMatchObject({ class: 'transient', effect: 'maybe' });
  });

  it('asks the rules of the destination first, in their order, both ends of a range included', () => {
    const own = rules('resend', {
      classify: [
        { statuses: [{ from: 409, to: 409 }], as: 'delivered' },
        { statuses: [{ from: 400, to: 499 }], as: 'transient' },
        {
          statuses: [
            { from: 504, to: 504 },
            { from: 500, to: 500 },
          ],
          as: 'business',
        },
      ],
    });
    expect(decideClass(status(409), own)).toEqual({ class: 'delivered', rule: 'classify[0]', effect: 'yes' });
    expect(decideClass(status(400), own)).toMatchObject({ class: 'transient', rule: 'classify[1]', effect: 'no' });
    expect(decideClass(status(499), own)).toMatchObject({ class: 'transient', rule: 'classify[1]' });
    expect(decideClass(status(504), own)).toEqual({ class: 'business', rule: 'classify[2]', effect: 'no' });
    expect(decideClass(status(500), own)).toMatchObject({ class: 'business', rule: 'classify[2]' });
    expect(decideClass(status(502), own)).toMatchObject({ class: 'transient', rule: 'default', effect: 'maybe' });
  });

  it('takes a status that a rule calls unknown for one that may have taken effect', () => {
    const own = rules('lookup', { classify: [{ statuses: [{ from: 409, to: 409 }], as: 'unknown' }] });
    expect(decideClass(status(409), own)).toMatchObject({ class: 'unknown', effect: 'maybe' });
  });

  describe('rules that look further than the status', () => {
    const answered = (body: string | null, headers?: Record<string, string>, code = 200): SentOutcome => ({
      kind: 'responded',
      status: code,
      retryAfterMs: null,
      body,
      ...(headers && { headers }),
    });
    const is = (wanted: unknown) => (value: unknown) => value === wanted;
    const own = rules('idempotency-key', {
      classify: [
        { statuses: [{ from: 200, to: 299 }], body: { pointer: '/error/code', fits: is('BUSY') }, as: 'transient' },
        { statuses: null, header: { name: 'x-outcome', fits: is('duplicate') }, as: 'delivered' },
        { statuses: null, body: { pointer: '/error', fits: (value) => value !== undefined }, as: 'business' },
        { statuses: [{ from: 200, to: 200 }], header: { name: 'x-a', fits: is('1') }, body: { pointer: '/b', fits: is(1) }, as: 'auth' },
        { statuses: null, body: { pointer: '/ok', fits: is(undefined) }, as: 'unknown' },
      ],
    });
    it.each<[string, SentOutcome, string]>([
      ['an error inside a 200', answered('{"error":{"code":"BUSY"}}'), 'transient classify[0] no'],
      ['its status must fit as well', answered('{"error":{"code":"BUSY"}}', {}, 409), 'business classify[2] no'],
      ['a header', answered(null, { 'x-outcome': 'duplicate' }, 409), 'delivered classify[1] yes'],
      ['the first that fits', answered('{"error":1}', { 'x-outcome': 'duplicate' }), 'delivered classify[1] yes'],
      ['another error', answered('{"error":{}}'), 'business classify[2] no'],
      ['all that a rule names', answered('{"b":1,"ok":1}', { 'x-a': '1' }), 'auth classify[3] no'],
      ['all but one', answered('{"b":1,"ok":1}', { 'x-a': '2' }), 'delivered default yes'],
      ['nothing there', answered('{}'), 'unknown classify[4] maybe'],
      ['what is no JSON has nothing anywhere', answered('<html>'), 'unknown classify[4] maybe'],
      ['no body', answered(null), 'unknown classify[4] maybe'],
      ['none fits', answered('{"ok":true}'), 'delivered default yes'],
      ['a status by its default', answered('{"ok":true}', {}, 422), 'business default no'],
    ])('%s', (_name, outcome, expected) => {
      const { class: named, rule, effect } = decideClass(outcome, own);
      expect(`${named} ${rule} ${effect}`).toBe(expected);
    });
  });

  it.each(['delivered', 'transient', 'throttled', 'auth', 'business', 'permanent', 'unknown'] as const)(
    'lets a rule name %s, whatever the status',
    (as) => {
      const named = rules('lookup', { classify: [{ statuses: [{ from: 100, to: 599 }], as }] });
      for (const code of [200, 302, 404, 429, 500, 503]) expect(decideClass(status(code), named).class).toBe(as);
    },
  );

  it('gives every status a class', () => {
    for (let code = 100; code < 600; code++) expect(decideClass(status(code), rules()).class).toBeTruthy();
  });
});
