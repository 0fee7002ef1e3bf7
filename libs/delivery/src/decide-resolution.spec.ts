import { describe, expect, it } from '@jest/globals';
import { decideFound, decideResolution, weaker, type Doubt, type ResolutionPolicy } from './decide-resolution.js';

// Goal: pin what an unknown outcome leads to under each rule, and both sides of each time. Method: one row = given → resolution.
const policy = (resolve: ResolutionPolicy['resolve']): ResolutionPolicy => ({ resolve, validForMs: 1_000 });
const doubt: Doubt = { quietAtMs: 500, doubtSinceMs: 100 };

describe('decideResolution', () => {
  const rows: [name: string, doubt: Doubt | null, rule: ResolutionPolicy['resolve'], nowMs: number, expected: string][] = [
    ['nothing in doubt is sent', null, 'hold', 0, 'send once'],
    ['before the quiet time everything waits: key', doubt, 'idempotency-key', 499, 'wait 500'],
    ['before the quiet time everything waits: lookup', doubt, 'lookup', 499, 'wait 500'],
    ['before the quiet time everything waits: resend', doubt, 'resend', 499, 'wait 500'],
    ['before the quiet time everything waits: hold', doubt, 'hold', 499, 'wait 500'],
    ['at the quiet time the same key is sent again', doubt, 'idempotency-key', 500, 'send proof'],
    ['a key is trusted to the end of its time', doubt, 'idempotency-key', 1_100, 'send proof'],
    ['and not beyond', doubt, 'idempotency-key', 1_101, 'hold'],
    ['a look-up asks', doubt, 'lookup', 500, 'ask'],
    ['a look-up has no age', doubt, 'lookup', 1e12, 'ask'],
    ['resend is blind', doubt, 'resend', 500, 'send maybe-twice'],
    ['hold is held', doubt, 'hold', 500, 'hold'],
    ['without a quiet time nothing waits', { ...doubt, quietAtMs: null }, 'lookup', 0, 'ask'],
  ];
  it.each(rows)('%s', (_name, given, rule, nowMs, expected) => {
    const found = decideResolution(given, policy(rule), nowMs);
    const words = found.kind === 'send' ? `send ${found.doneAs}` : found.kind === 'wait' ? `wait ${found.untilMs}` : found.kind;
    expect(words).toBe(expected);
  });
});

describe('decideFound', () => {
  it('says of a done mark what its starts allow', () => {
    expect(decideFound({ how: 'once', starts: 1 }, 'resend')).toBe('once');
    expect(decideFound({ how: 'once', starts: 0 }, 'resend')).toBe('once');
    expect(decideFound({ how: 'once', starts: 2 }, 'resend')).toBe('maybe-twice');
    expect(decideFound({ how: 'once', starts: 2 }, 'lookup')).toBe('proof');
    expect(decideFound({ how: 'once', starts: 2 }, 'idempotency-key')).toBe('proof');
    expect(decideFound({ how: 'maybe-twice', starts: 1 }, 'lookup')).toBe('maybe-twice');
    expect(decideFound({ how: 'maybe-twice', starts: 2 }, 'lookup')).toBe('maybe-twice');
  });
});

describe('weaker', () => {
  it('keeps the one that claims less', () => {
    expect(weaker('once', 'proof')).toBe('proof');
    expect(weaker('maybe-twice', 'proof')).toBe('maybe-twice');
    expect(weaker('once', 'once')).toBe('once');
  });
});
