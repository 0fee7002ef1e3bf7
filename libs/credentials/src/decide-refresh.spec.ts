// Goal: when a token is renewed, how long a failure is waited out, and what a rejection means. Method: tables, and properties of the times.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  backoffMs,
  decideRefresh,
  decideRejection,
  missingScopes,
  probeAfterMs,
  refreshAtMs,
  refreshPolicyDefault,
  usableUntilMs,
  type RefreshView,
  type RejectionView,
} from './decide-refresh.js';
import type { Failing, Token } from './token.js';

const policy = { ...refreshPolicyDefault, refreshAt: 0.75, spread: 0 };
/** Lives from 1,000 to 11,000: renewed at 8,500, over at 10,000 (a tenth is the skew). */
const token: Token = { tid: 't1', accessToken: 'a', issuedAtMs: 1_000, expiresAtMs: 11_000, scopes: [] };
const failing = (retryAtMs: number): Failing => ({
  count: 1,
  retryAtMs,
  last: { kind: 'unavailable', code: 'ECONNREFUSED', text: '', atMs: 0 },
});
const view = (part: Partial<RefreshView>): RefreshView => ({
  nowMs: 2_000,
  token,
  failing: null,
  rejectedTid: null,
  isChanged: false,
  chance: 0.5,
  ...part,
});

describe('decideRefresh', () => {
  it.each<[string, Partial<RefreshView>, object]>([
    ['no token yet', { token: null }, { kind: 'refresh', why: 'absent', isUsable: false }],
    ['a young token', {}, { kind: 'rest', untilMs: 8_500, isUsable: true }],
    ['a moment before its share of life', { nowMs: 8_499 }, { kind: 'rest', untilMs: 8_500, isUsable: true }],
    ['at its share of life', { nowMs: 8_500 }, { kind: 'refresh', why: 'expiring', isUsable: true }],
    ['within the skew of its end', { nowMs: 10_000 }, { kind: 'refresh', why: 'expiring', isUsable: false }],
    ['rejected while young', { rejectedTid: 't1' }, { kind: 'refresh', why: 'rejected', isUsable: false }],
    ['another one was rejected', { rejectedTid: 't0' }, { kind: 'rest', untilMs: 8_500, isUsable: true }],
    ['a failure is waited out', { token: null, failing: failing(5_000) }, { kind: 'rest', untilMs: 5_000, isUsable: false }],
    ['until its time', { token: null, nowMs: 5_000, failing: failing(5_000) }, { kind: 'refresh', why: 'absent', isUsable: false }],
    [
      'not with another secret',
      { token: null, failing: failing(5_000), isChanged: true },
      { kind: 'refresh', why: 'absent', isUsable: false },
    ],
    [
      'a failure beside a good token: looked at when the token ends',
      { nowMs: 9_000, failing: failing(60_000) },
      { kind: 'rest', untilMs: 10_000, isUsable: true },
    ],
    ['a failure does not shorten a young token', { failing: failing(3_000) }, { kind: 'rest', untilMs: 8_500, isUsable: true }],
    [
      'a rejected token does not jump a failure',
      { rejectedTid: 't1', failing: failing(3_000) },
      { kind: 'rest', untilMs: 3_000, isUsable: false },
    ],
  ])('%s', (_, part, step) => {
    expect(decideRefresh(view(part), policy)).toEqual(step);
  });

  it('never rests into the past, and always renews before the token is over', () => {
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(
        fc.nat(100_000_000),
        fc.nat(100_000_000),
        chance,
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (age, lifeMs, at, refreshAt) => {
          const one = { ...token, issuedAtMs: 0, expiresAtMs: lifeMs };
          const own = { ...refreshPolicyDefault, refreshAt };
          const step = decideRefresh(view({ nowMs: age, token: one, chance: at }), own);
          if (step.kind === 'rest') expect(step.untilMs).toBeGreaterThan(age);
          expect(refreshAtMs(one, own, at)).toBeLessThanOrEqual(usableUntilMs(one, own));
          expect(one.expiresAtMs - usableUntilMs(one, own)).toBeLessThanOrEqual(30_000);
        },
      ),
    );
  });
});

it.each([
  [1_000_000, 970_000, 750_000],
  [60_000, 54_000, 45_000],
  [3_000, 2_000, 1_775],
  [1_000, 667, 592],
])('a token of %i ms is used for %i and renewed at %i', (lifeMs, used, renewed) => {
  const one = { ...token, issuedAtMs: 0, expiresAtMs: lifeMs };
  expect([usableUntilMs(one, policy), refreshAtMs(one, policy, 0.5)].map(Math.round)).toEqual([used, renewed]);
});

describe('backoffMs', () => {
  const fail = (count: number, kind: 'unavailable' | 'refused' = 'unavailable', retryAfterMs: number | null = null) =>
    backoffMs({ count, kind, retryAfterMs }, policy, 1);
  it('doubles to its bound, and a refusal waits for longer', () => {
    expect([1, 2, 3, 4, 5, 6, 100].map((count) => fail(count))).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    expect([1, 2, 100].map((count) => fail(count, 'refused'))).toEqual([2_000, 4_000, 300_000]);
  });
  it('is never shorter than the server asks for, within a bound', () => {
    expect(fail(1, 'unavailable', 20_000)).toBe(20_000);
    expect(fail(1, 'unavailable', 10 ** 9)).toBe(600_000);
  });
  it('probes at growing intervals to their bound', () => {
    expect([1, 2, 3, 50].map((count) => probeAfterMs(count, policy))).toEqual([2_000, 4_000, 8_000, 600_000]);
  });
});

describe('decideRejection', () => {
  const seen = (part: Partial<RejectionView>): RejectionView => ({
    status: 401,
    tid: 't1',
    currentTid: 't1',
    rejectedTid: null,
    isUnproven: false,
    isRenewable: true,
    ...part,
  });
  it.each<[string, Partial<RejectionView>, string]>([
    ['a 401 of the token in use', {}, 'renew'],
    ['the second 401 of the same token', { rejectedTid: 't1' }, 'ignore'],
    ['a 401 of a token that was replaced', { currentTid: 't2' }, 'ignore'],
    ['a 403 of a token that was replaced', { status: 403, currentTid: 't2' }, 'ignore'],
    ['a 401 of a token fetched because of a 401', { isUnproven: true }, 'hold'],
    ['a 403', { status: 403 }, 'hold'],
    ['a 401 of a static secret', { isRenewable: false }, 'hold'],
    ['what a rule of the destination calls auth', { status: 400 }, 'renew'],
  ])('%s', (_, part, verdict) => {
    expect(decideRejection(seen(part))).toBe(verdict);
  });
});

describe('missingScopes', () => {
  it.each([
    [['a', 'b'], 'b a c', []],
    [['a', 'b'], 'a', ['b']],
    [['a'], '', ['a']],
    [['a'], null, []],
    [[], 'x', []],
  ])('%j of a grant of %j lacks %j', (needed, granted, missing) => {
    expect(missingScopes(needed, granted)).toEqual(missing);
  });
});
