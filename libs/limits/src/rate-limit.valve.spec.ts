// Goal: tokens come from memory, cost far less than one call each, and the partner's limit holds over replicas that come, die and stall.
// Method: a manual clock, a store in memory, and replicas that take whenever they may.
import { describe, expect, it } from '@jest/globals';
import { valveContract } from '#libs/delivery/src/testing/valve.contract.js';
import { StoreUnavailableError } from '#libs/identity/src/index.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import type { Rate } from './gcra.fold.js';
import { RateLimitValve } from './rate-limit.valve.js';
import { MemoryRateStore } from './rate-store.memory.js';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function world(rate: Rate) {
  const clock = new ManualClock();
  const store = new MemoryRateStore(clock);
  const tokens = { used: 0, lapsed: 0 };
  const open = () =>
    new RateLimitValve({ destination: 'portal', rate, store, clock, tokens: (result, count) => void (tokens[result] += count) });
  return { clock, store, tokens, open };
}

/** A gate with a backlog: takes whatever it gets, and remembers when. */
function hungry(valve: RateLimitValve, clock: ManualClock, uses: number[]): { stop(): void } {
  let isStopped = false;
  const takeAll = (): void => {
    while (!isStopped && valve.take()) uses.push(clock.monotonicMs());
  };
  valve.changed(takeAll);
  takeAll();
  return { stop: () => void (isStopped = true) };
}

const most = (uses: readonly number[], windowMs: number): number => {
  const sorted = [...uses].sort((a, b) => a - b);
  return Math.max(0, ...sorted.map((from) => sorted.filter((at) => at >= from && at <= from + windowMs).length));
};

valveContract('RateLimitValve', async () => {
  const { clock, open } = world({ perSecond: 1, burst: 3 });
  const valve = open();
  const drain = (): void => {
    while (valve.take());
  };
  // Who asks first brings the first lease.
  valve.take();
  await settled();
  return {
    valve,
    shut: async () => {
      for (let n = 0; n < 4; n++) {
        drain();
        await settled();
      }
    },
    open: () => clock.advance(300),
  };
});

describe('RateLimitValve', () => {
  it('keeps the limit in every second over three replicas of which one dies and comes again, and gives nine tenths of the rate', async () => {
    const { clock, store, open, tokens } = world({ perSecond: 50, burst: 50 });
    const uses: number[] = [];
    const replicas = Array.from({ length: 3 }, open);
    const gates = replicas.map((valve) => hungry(valve, clock, uses));
    for (let n = 0; n < 500; n++) {
      await clock.advance(20);
      if (n % 100 !== 50) continue;
      gates[0]!.stop();
      await replicas[0]!.close();
      replicas[0] = open();
      gates[0] = hungry(replicas[0], clock, uses);
    }
    expect(most(uses, 1_000)).toBeLessThanOrEqual(100);
    expect(most(uses, 100)).toBeLessThanOrEqual(55);
    expect(uses.length).toBeGreaterThanOrEqual(0.9 * 50 * 10);
    expect(store.calls).toBeLessThan(uses.length * 0.4);
    expect(tokens.used).toBe(uses.length);
    await Promise.all(replicas.map((valve) => valve.close()));
  });

  it('costs a call for a lease, not for a delivery, where a rate is worth leasing', async () => {
    const { clock, store, open } = world({ perSecond: 500, burst: 500 });
    const uses: number[] = [];
    const valve = open();
    hungry(valve, clock, uses);
    for (let n = 0; n < 400; n++) await clock.advance(5);
    expect(uses.length).toBeGreaterThan(1_200);
    expect(store.calls / uses.length).toBeLessThan(0.05);
    await valve.close();
  });

  it('asks nobody while nobody wants anything', async () => {
    const { clock, store, open } = world({ perSecond: 50, burst: 50 });
    const valve = open();
    await clock.advance(5_000);
    expect(store.calls).toBe(0);
    valve.take();
    await clock.advance(100);
    expect(valve.take()).toBe(true);
    const { calls } = store;
    await clock.advance(60_000);
    expect(store.calls).toBeLessThanOrEqual(calls + 1);
    await valve.close();
  });

  it('does not use a token that has lapsed, and leases less after that', async () => {
    const { clock, open, tokens } = world({ perSecond: 50, burst: 50 });
    const valve = open();
    const uses: number[] = [];
    const gate = hungry(valve, clock, uses);
    await clock.advance(1_000);
    gate.stop();
    await clock.advance(5_000);
    expect(valve.take()).toBe(false);
    expect(tokens.lapsed).toBeGreaterThan(0);
    await clock.advance(10);
    expect(valve.take()).toBe(true);
    await valve.close();
  });

  it('takes no token into account that came later than it was good for', async () => {
    const { clock, store, open } = world({ perSecond: 50, burst: 50 });
    const slow = {
      reserve: (async (...ask) => {
        const answer = await store.reserve(...ask);
        await clock.sleep(200);
        return answer;
      }) satisfies MemoryRateStore['reserve'],
    };
    const valve = new RateLimitValve({ destination: 'portal', rate: { perSecond: 50, burst: 50 }, store: slow, clock });
    valve.take();
    await clock.advance(200);
    expect(valve.take()).toBe(false);
    await valve.close();
    await open().close();
  });

  it('stays shut while Redis is away, says so, and goes on when it is back', async () => {
    const { clock, store, open } = world({ perSecond: 50, burst: 50 });
    store.failure = new StoreUnavailableError('not-connected', 'redis: not connected');
    const valve = open();
    const uses: number[] = [];
    hungry(valve, clock, uses);
    await clock.advance(900);
    expect(valve.holding()).toBeNull();
    await clock.advance(600);
    expect(uses).toEqual([]);
    expect(valve.holding()).toMatchObject({ reason: 'rate-limit', untilMs: null, detail: expect.stringContaining('not connected') });
    store.failure = null;
    await clock.advance(2_100);
    expect(uses.length).toBeGreaterThan(0);
    expect(valve.holding()).toBeNull();
    await valve.close();
  });

  it('tells a wait as a hold only when it is long, with its end', async () => {
    const { clock, open } = world({ perSecond: 0.1, burst: 1 });
    const valve = open();
    const uses: number[] = [];
    hungry(valve, clock, uses);
    await clock.advance(10);
    expect(uses).toHaveLength(1);
    const holding = valve.holding();
    expect(holding).toMatchObject({ reason: 'rate-limit', sinceMs: clock.nowMs() - 10 });
    expect(holding!.untilMs! - clock.nowMs()).toBeGreaterThan(9_000);
    await clock.advance(10_500);
    expect(uses).toHaveLength(2);
    await valve.close();
  });

  it('forgets a wait that nobody waits for any more', async () => {
    const { clock, open } = world({ perSecond: 0.5, burst: 1 });
    const valve = open();
    const uses: number[] = [];
    const gate = hungry(valve, clock, uses);
    await clock.advance(1_500);
    expect(valve.holding()).not.toBeNull();
    gate.stop();
    await clock.advance(2_000);
    expect(valve.holding()).toBeNull();
    await valve.close();
  });
});
