import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RetryBudget } from './retry-budget.js';

describe('RetryBudget', () => {
  /** Takes as many as it allows at one moment. */
  const drain = (budget: RetryBudget, nowMs: number): number => {
    let taken = 0;
    for (; budget.allows(nowMs); taken++) budget.retry();
    return taken;
  };

  it('begins with ten seconds’ worth, or as many as may be in flight', () => {
    expect(drain(new RetryBudget({ share: 0, minPerSecond: 3 }, 8), 0)).toBe(30);
    expect(drain(new RetryBudget({ share: 0, minPerSecond: 0 }, 8), 0)).toBe(8);
  });

  it('grows with time and with first attempts, and not beyond what may be saved', () => {
    const budget = new RetryBudget({ share: 0.25, minPerSecond: 2 }, 1);
    drain(budget, 0);
    expect(budget.waitMs(0)).toBe(500);
    expect(drain(budget, 500)).toBe(1);
    for (let n = 0; n < 8; n++) budget.firstAttempt();
    expect(drain(budget, 500)).toBe(2);
    expect(drain(budget, 3_600_000)).toBe(20);
  });

  it('has nothing to wait for when time alone brings nothing', () => {
    const budget = new RetryBudget({ share: 0.2, minPerSecond: 0 }, 1);
    drain(budget, 0);
    expect(budget.waitMs(1e9)).toBeNull();
  });

  it('lets no more fail again than the share, the least and what was saved', () => {
    const step = fc.record({ passMs: fc.integer({ min: 0, max: 2_000 }), first: fc.nat({ max: 20 }), wanted: fc.nat({ max: 50 }) });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 50 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat({ max: 20 }),
        (steps, share, minPerSecond) => {
          const budget = new RetryBudget({ share, minPerSecond }, 4);
          let [nowMs, firsts, retries] = [0, 0, 0];
          for (const { passMs, first, wanted } of steps) {
            nowMs += passMs;
            for (let n = 0; n < first; n++) budget.firstAttempt();
            firsts += first;
            for (let n = 0; n < wanted && budget.allows(nowMs); n++, retries++) budget.retry();
          }
          expect(retries).toBeLessThanOrEqual(Math.max(4, 10 * minPerSecond) + share * firsts + (minPerSecond * nowMs) / 1_000 + 1e-6);
        },
      ),
    );
  });
});
