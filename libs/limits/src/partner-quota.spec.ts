import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parsePartnerQuota } from './partner-quota.js';

const now = 1_800_000_000_000;

describe('what a partner says of its quota', () => {
  it.each<[string, Record<string, string | string[]>, string]>([
    ['the standard', { ratelimit: '"default";r=50;t=30' }, '50 for 30000'],
    ['of two policies the tightest', { ratelimit: '"burst";r=100;t=60, "daily";r=3;t=4000' }, '3 for 4000000'],
    ['of two as tight the one that lasts', { ratelimit: '"a";r=0;t=1, "b";r=0;t=9' }, '0 for 9000'],
    ['a name that looks like a value', { ratelimit: '"a,;r=9;t=9";r=1;t=2' }, '1 for 2000'],
    ['an older draft', { ratelimit: 'limit=100, remaining=7, reset=5' }, '7 for 5000'],
    ['fields of an older draft', { 'ratelimit-remaining': '0', 'ratelimit-reset': '12' }, '0 for 12000'],
    ['with a policy behind it', { 'ratelimit-remaining': '9, 100;w=60', 'ratelimit-reset': '12' }, '9 for 12000'],
    ['X- with seconds', { 'x-ratelimit-remaining': '4', 'x-ratelimit-reset': '60' }, '4 for 60000'],
    ['X- with a moment in seconds', { 'x-ratelimit-remaining': '4', 'x-ratelimit-reset': '1800000090' }, '4 for 90000'],
    ['X- with a moment in ms', { 'x-ratelimit-remaining': '4', 'x-ratelimit-reset': '1800000000500' }, '4 for 500'],
    ['a moment that has passed', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1700000000' }, '0 for 0'],
    ['X-Rate-Limit', { 'x-rate-limit-remaining': '4', 'x-rate-limit-reset': '1' }, '4 for 1000'],
    ['a reset in parts of a second', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset-after': '0.25' }, '0 for 250'],
    ['a list of fields', { 'x-ratelimit-remaining': ['4', '9'], 'x-ratelimit-reset': '1' }, '4 for 1000'],
    ['a reset beyond a day: a day', { 'ratelimit-remaining': '0', 'ratelimit-reset': '900000000' }, '0 for 86400000'],
    ['nothing', {}, 'nothing'],
    ['a remaining without a reset', { 'x-ratelimit-remaining': '0' }, 'nothing'],
    ['a date', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': 'tomorrow' }, 'nothing'],
    ['a negative remaining', { 'x-ratelimit-remaining': '-1', 'x-ratelimit-reset': '1' }, 'nothing'],
    ['a part of a request', { 'x-ratelimit-remaining': '1.5', 'x-ratelimit-reset': '1' }, 'nothing'],
    ['a field without end', { ratelimit: `"a";r=0;t=1${' '.repeat(2_000)}` }, 'nothing'],
    ['a broken standard beside good fields', { ratelimit: 'x', 'ratelimit-remaining': '2', 'ratelimit-reset': '3' }, '2 for 3000'],
  ])('%s', (_name, fields, expected) => {
    const quota = parsePartnerQuota(fields, now);
    expect(quota ? `${quota.remaining} for ${quota.resetMs}` : 'nothing').toBe(expected);
  });

  it('is read or not, within its bounds, whatever stands there', () => {
    const value = fc.oneof(fc.string(), fc.stringMatching(/^["rt=;,. 0-9-]{0,60}$/), fc.integer().map(String));
    const names = ['ratelimit', 'ratelimit-remaining', 'ratelimit-reset', 'x-ratelimit-remaining', 'x-ratelimit-reset'] as const;
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value), (fields) => {
        const quota = parsePartnerQuota(fields, now);
        if (!quota) return;
        expect(Number.isSafeInteger(quota.remaining) && quota.remaining >= 0).toBe(true);
        expect(Number.isSafeInteger(quota.resetMs) && quota.resetMs >= 0 && quota.resetMs <= 86_400_000).toBe(true);
      }),
    );
  });
});
