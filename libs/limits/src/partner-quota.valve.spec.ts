import { describe, expect, it } from '@jest/globals';
import { toldOf } from '#libs/delivery/src/testing/scripted-valve.js';
import { valveContract } from '#libs/delivery/src/testing/valve.contract.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { PartnerQuotaValve } from './partner-quota.valve.js';

const says = (clock: ManualClock, remaining: number, resetMs: number) =>
  toldOf('delivered', { nowMs: clock.nowMs(), rateLimit: { remaining, resetMs } });

valveContract('PartnerQuotaValve', async () => {
  const clock = new ManualClock();
  const valve = new PartnerQuotaValve(clock, 8);
  return {
    valve,
    shut: async () => {
      valve.told(says(clock, 2, 1_000));
      valve.take();
      valve.take();
    },
    open: () => clock.advance(1_000),
  };
});

describe('PartnerQuotaValve', () => {
  it('lets everything through while more is left than can be under way', () => {
    const clock = new ManualClock();
    const valve = new PartnerQuotaValve(clock, 8);
    valve.told(says(clock, 8, 60_000));
    expect(valve.limit()).toBe(Infinity);
    expect(Array.from({ length: 100 }, () => valve.take()).every(Boolean)).toBe(true);
  });

  it('spreads what is left over the time to the reset, with no more under way than is left', async () => {
    const clock = new ManualClock();
    const valve = new PartnerQuotaValve(clock, 8);
    let left = 5;
    const uses: number[] = [];
    const sinceMs = clock.nowMs();
    const take = (): void => {
      while (valve.take() && uses.length < 5) {
        uses.push(clock.nowMs() - sinceMs);
        valve.told(says(clock, --left, sinceMs + 10_000 - clock.nowMs()));
      }
    };
    valve.changed(take);
    valve.told(says(clock, left, 10_000));
    expect(valve.limit()).toBe(5);
    take();
    for (let n = 0; n < 100; n++) await clock.advance(100);
    expect(uses).toHaveLength(5);
    for (let i = 1; i < 5; i++) expect(uses[i]! - uses[i - 1]!).toBeGreaterThanOrEqual(1_900);
    expect(valve.limit()).toBe(Infinity);
    await valve.close();
  });

  it('believes the least that was said of one spell, and begins anew with the next', () => {
    const clock = new ManualClock();
    const valve = new PartnerQuotaValve(clock, 8);
    valve.told(says(clock, 2, 5_000));
    valve.told(says(clock, 4, 5_000));
    expect(valve.limit()).toBe(2);
    valve.told(says(clock, 7, 60_000));
    expect(valve.limit()).toBe(7);
  });
});
