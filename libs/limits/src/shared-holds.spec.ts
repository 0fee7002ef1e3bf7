import { describe, expect, it } from '@jest/globals';
import { toldOf } from '#libs/delivery/src/testing/scripted-valve.js';
import { valveContract } from '#libs/delivery/src/testing/valve.contract.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { MemoryHoldBoard } from './hold-board.memory.js';
import { SharedHolds } from './shared-holds.js';

const world = () => {
  const clock = new ManualClock();
  const board = new MemoryHoldBoard(clock);
  const replica = () => new SharedHolds({ board, clock, retryAfterDefaultMs: 1_000, retryAfterMaxMs: 60_000 });
  return { clock, board, replica };
};

valveContract('SharedHolds', async () => {
  const { clock, replica } = world();
  const holds = replica();
  const valve = holds.valve('portal', 16);
  return {
    valve,
    shut: async () => valve.told(toldOf('throttled', { retryAfterMs: 500 })),
    open: () => clock.advance(600),
    end: () => holds.close(),
  };
});

describe('a hold that replicas share', () => {
  it('holds every replica within a quarter of a second, and that destination alone', async () => {
    const { clock, replica } = world();
    const [one, two] = [replica(), replica()];
    const [mine, theirs, another] = [one.valve('portal', 16), two.valve('portal', 16), two.valve('other', 16)];
    mine.told(toldOf('throttled', { retryAfterMs: 3_000 }));
    expect(mine.limit()).toBe(0);
    await clock.advance(250);
    expect([theirs.limit(), another.limit()]).toEqual([0, Infinity]);
    await clock.advance(2_700);
    expect(theirs.limit()).toBe(0);
    await clock.advance(100);
    expect([mine.limit(), theirs.limit()]).toEqual([8, 8]);
    await Promise.all([one.close(), two.close()]);
  });

  it('lets half as many back in after each, and twice as many after two seconds without another', async () => {
    const { clock, replica } = world();
    const holds = replica();
    const valve = holds.valve('portal', 16);
    const limits: number[] = [];
    for (let n = 0; n < 6; n++) {
      valve.told(toldOf('throttled', { retryAfterMs: 1_000 }));
      await clock.advance(1_100);
      limits.push(valve.limit());
    }
    expect(limits).toEqual([8, 4, 2, 1, 1, 1]);
    let calls = 0;
    valve.changed(() => void calls++);
    limits.length = 0;
    for (let n = 0; n < 5; n++) {
      valve.told(toldOf('delivered'));
      limits.push(valve.limit());
      await clock.advance(2_000);
    }
    expect(limits).toEqual([1, 2, 4, 8, Infinity]);
    expect(calls).toBe(4);
    await holds.close();
    await valve.close();
  });

  it('is written once for a storm of 429s', async () => {
    const { clock, board, replica } = world();
    const holds = replica();
    const valve = holds.valve('portal', 16);
    for (let n = 0; n < 100; n++) valve.told(toldOf('throttled', { retryAfterMs: 1_000 + (n % 50) }));
    await clock.advance(50);
    expect(board.writes).toBe(1);
    await holds.close();
  });

  it.each([
    ['a 429 without a time: the default', toldOf('throttled'), 1_000],
    ['more than is believed: the bound', toldOf('throttled', { retryAfterMs: 9e9 }), 60_000],
    ['nothing left of the quota: until its reset', toldOf('delivered', { rateLimit: { remaining: 0, resetMs: 4_000 } }), 4_000],
  ])('%s', async (_name, outcome, forMs) => {
    const { clock, replica } = world();
    const holds = replica();
    const valve = holds.valve('portal', 16);
    valve.told(outcome);
    expect(valve.holding()).toMatchObject({ reason: 'throttled', untilMs: clock.nowMs() + forMs });
    await holds.close();
    await valve.close();
  });

  it('is not asked for by other outcomes, nor while something is left', () => {
    const { replica } = world();
    const valve = replica().valve('portal', 16);
    valve.told(toldOf('transient'));
    valve.told(toldOf('delivered', { rateLimit: { remaining: 1, resetMs: 4_000 } }));
    expect(valve.limit()).toBe(Infinity);
  });

  it('stands here although Redis is away', async () => {
    const { clock, board, replica } = world();
    board.hold = () => Promise.reject(new Error('away'));
    const holds = replica();
    const valve = holds.valve('portal', 16);
    valve.told(toldOf('throttled', { retryAfterMs: 500 }));
    await clock.advance(10);
    expect(valve.limit()).toBe(0);
    await holds.close();
    await valve.close();
  });
});
