import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { MemoryPauses } from './pauses.memory.js';
import { SharedPauses } from './shared-pauses.js';
import { valveContract } from './testing/valve.contract.js';

function world() {
  const clock = new ManualClock();
  const pauses = new MemoryPauses();
  const told: string[] = [];
  const shared = new SharedPauses({ pauses, clock, told: (destination, by) => void told.push(`${destination} ${by}`) });
  const pause = (destination: string) => pauses.pause(destination, { sinceMs: clock.nowMs(), by: 'ada', reason: 'migration' });
  return { clock, pauses, told, shared, pause };
}

valveContract('an operator’s pause', async () => {
  const { clock, pauses, shared, pause } = world();
  return {
    valve: shared.valve('portal'),
    shut: async () => {
      await pause('portal');
      await clock.advance(1_000);
    },
    open: async () => {
      await pauses.resume('portal');
      await clock.advance(1_000);
    },
    end: () => shared.close(),
  };
});

describe('SharedPauses', () => {
  it('pauses one destination and no other, says who did it, and tells each change once', async () => {
    const { clock, pauses, told, shared, pause } = world();
    const [portal, shop] = [shared.valve('portal'), shared.valve('shop')];
    await pause('portal');
    await clock.advance(3_000);
    expect([portal.limit(), shop.limit()]).toEqual([0, Infinity]);
    expect(portal.holding()).toMatchObject({ reason: 'paused', untilMs: null, detail: 'ada: migration' });
    await pauses.resume('portal');
    await clock.advance(3_000);
    expect(portal.limit()).toBe(Infinity);
    expect(told).toEqual(['portal ada', 'portal null']);
    await shared.close();
  });

  it('goes by what it knows while the store is away', async () => {
    const { clock, pauses, shared, pause } = world();
    const portal = shared.valve('portal');
    await pause('portal');
    await clock.advance(1_000);
    pauses.isReachable = false;
    await pauses.resume('portal');
    await clock.advance(60_000);
    expect(portal.limit()).toBe(0);
    pauses.isReachable = true;
    await clock.advance(1_000);
    expect(portal.limit()).toBe(Infinity);
    await shared.close();
  });
});
