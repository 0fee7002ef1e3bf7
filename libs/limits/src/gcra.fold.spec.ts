// Goal: the partner never sees more than burst + rate × time, however tokens are reserved and used.
// Method: replicas ask at any moments for any number, and use each token at any moment it is good for; every window between two uses is counted.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { leaseMaxTokens, rateTerms, reserveTokens, type Rate } from './gcra.fold.js';

const rates: fc.Arbitrary<Rate> = fc.record({
  perSecond: fc.oneof(fc.double({ min: 0.05, max: 5, noNaN: true }), fc.integer({ min: 1, max: 2_000 })),
  burst: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 200 })),
});
/** A reservation: how long after the one before, how many tokens, and how late each is used, as a share of the time it is good for. */
const asks = fc.array(
  fc.record({
    afterUs: fc.oneof(fc.integer({ min: 0, max: 50_000 }), fc.integer({ min: 0, max: 3_000_000 })),
    count: fc.integer({ min: 1, max: 60 }),
    lateShare: fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  }),
  { minLength: 1, maxLength: 60 },
);
type Ask = { afterUs: number; count: number; lateShare: number };

const moments = (all: readonly Ask[], rate: Rate, uses: (momentUs: number, share: number) => number): number[] => {
  const terms = rateTerms(rate);
  let nowUs = 1_800_000_000_000_000;
  let tatUs: number | null = null;
  return all
    .flatMap(({ afterUs, count, lateShare }) => {
      nowUs += afterUs;
      const reserved = reserveTokens(tatUs, count, nowUs, terms);
      tatUs = reserved.tatUs;
      return Array.from({ length: reserved.granted }, (_, k) =>
        uses(nowUs + Math.max(0, reserved.firstUs + k * terms.intervalUs), lateShare),
      );
    })
    .sort((a, b) => a - b);
};

/** Where the burst is worth too little, the promise begins at a second. */
const isTight = ({ perSecond, burst }: Rate): boolean => (burst > 1 ? (burst - 1) / perSecond / 2 : 0.1 / perSecond) < 0.04;

/** The worst excess over `burst + rate × window` of any window that begins and ends with a use, windows counting as `leastS` at least. */
function excess(usesUs: readonly number[], rate: Rate): number {
  const leastS = isTight(rate) ? 1 : 0;
  const seconds = usesUs.map((us) => (us - usesUs[0]!) / 1_000_000);
  let worst = -Infinity;
  let lowest = Infinity;
  let first = 0;
  seconds.forEach((end, j) => {
    for (; first <= j && end - seconds[first]! >= leastS; first++) lowest = Math.min(lowest, first - rate.perSecond * seconds[first]!);
    worst = Math.max(worst, j + 1 - rate.perSecond * end - lowest, j + 1 - first - rate.perSecond * leastS);
  });
  return worst - rate.burst;
}

describe('the rate as GCRA', () => {
  it('never lets more be used than burst + rate × time in any window, however late each token is used', () => {
    fc.assert(
      fc.property(rates, asks, (rate, all) => {
        const { useWithinUs } = rateTerms(rate);
        expect(
          excess(
            moments(all, rate, (momentUs, share) => momentUs + share * useWithinUs),
            rate,
          ),
        ).toBeLessThan(1e-3);
      }),
      { numRuns: 400 },
    );
  });

  it('lets every token be good for 20 ms at least, or a machine under load would use none', () => {
    fc.assert(fc.property(rates, (rate) => expect(rateTerms(rate).useWithinUs).toBeGreaterThanOrEqual(20_000)));
  });

  it('gives nine tenths of the rate and more to whoever keeps asking', () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 1, max: 40_000 }), (rate, everyUs) => {
        const terms = rateTerms(rate);
        const forUs = 20 * Math.max(1_000_000, terms.intervalUs);
        const all = Array.from({ length: 400 }, () => ({ afterUs: Math.max(everyUs, forUs / 400), count: 10_000, lateShare: 0 }));
        const used = moments(all, rate, (momentUs) => momentUs);
        expect(used.length).toBeGreaterThanOrEqual(0.9 * rate.perSecond * ((used.at(-1)! - used[0]!) / 1_000_000) - 1);
      }),
      { numRuns: 100 },
    );
  });

  it('gives a full bucket at once where nothing is known, then one token an interval', () => {
    const terms = rateTerms({ perSecond: 50, burst: 51 });
    // 1 s of bucket, a quarter of it kept back for the way: 38 at once, the rest within the horizon of 400 ms.
    const first = reserveTokens(null, 1_000, 0, terms);
    expect(first).toMatchObject({ granted: 58, firstUs: -750_000, waitUs: 0 });
    expect(reserveTokens(first.tatUs, 10, 0, terms)).toMatchObject({ granted: 0, waitUs: 10_000 });
    expect(reserveTokens(first.tatUs, 10, 100_000, terms)).toMatchObject({ granted: 5, firstUs: 310_000 });
  });

  it('lets nobody wait for a time that lies beyond any reservation: the clock was set back', () => {
    const terms = rateTerms({ perSecond: 10, burst: 10 });
    const { waitUs } = reserveTokens(9e15, 1, 1_000_000, terms);
    expect(waitUs).toBeLessThanOrEqual(terms.intervalUs);
  });

  it('leases what the horizon is worth, and at least one', () => {
    expect(leaseMaxTokens(rateTerms({ perSecond: 50, burst: 50 }))).toBe(10);
    expect(leaseMaxTokens(rateTerms({ perSecond: 1_000, burst: 50 }))).toBe(200);
    expect(leaseMaxTokens(rateTerms({ perSecond: 0.5, burst: 1 }))).toBe(1);
  });

  it('refuses what is no rate', () => {
    expect(() => rateTerms({ perSecond: 0, burst: 1 })).toThrow(RangeError);
    expect(() => rateTerms({ perSecond: 1, burst: 0 })).toThrow(RangeError);
  });
});
