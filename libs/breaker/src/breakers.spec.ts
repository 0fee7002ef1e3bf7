import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { valveContract } from '#libs/delivery/src/testing/valve.contract.js';
import { commandBreaker } from './command-breaker.js';
import { BreakerWorld } from './testing/breaker.world.js';

// Goal: it trips at once, costs nothing while all is well, probes at its times, ramps, and is not carried along by a flapping partner.
// Method: one process's breaker over a store in memory and a clock that the test moves, asked as its gate would.
let world: BreakerWorld;
beforeEach(() => void (world = new BreakerWorld()));
afterEach(() => world.close());

valveContract('BreakerValve', async () => {
  const own = new BreakerWorld();
  const replica = await own.replica('a');
  return {
    valve: replica.valve,
    shut: async () => {
      replica.send('transient', 6);
      await own.clock.advance(0);
    },
    open: async () =>
      void (
        await commandBreaker(own.store, 'portal', { to: 'close', by: 'ada', reason: 'r', atMs: own.clock.nowMs() }),
        await own.clock.advance(1_000)
      ),
    end: () => own.close(),
  };
});

describe('one replica', () => {
  it('trips on the sixth failure in a row, at once, and says why and until when', async () => {
    const a = await world.replica('a');
    expect(a.send('transient', 5)).toBe(5);
    expect(a.valve.holding()).toBeNull();
    a.send('unknown');
    const nowMs = world.clock.nowMs();
    expect(a.valve.limit()).toBe(0);
    expect(a.valve.holding()).toEqual({
      reason: 'breaker',
      sinceMs: nowMs,
      untilMs: nowMs + 1_000,
      detail: '6 failures in a row; the last had no answer',
    });
  });

  it('does not take for failures what is not the partner’s: throttled, auth, business, permanent', async () => {
    const a = await world.replica('a');
    for (const named of ['throttled', 'auth', 'business', 'permanent'] as const) a.send(named, 10);
    expect(a.kind).toBe('closed');
    a.send('transient', 3);
    a.send('throttled', 3);
    a.send('transient', 3);
    expect(a.kind).toBe('open');
  });

  it('costs healthy traffic no call: nothing is written but failures and the first success after them', async () => {
    let writes = 0;
    const { store } = world;
    const counting = Object.assign(Object.create(store) as typeof store, {
      swap: (...args: Parameters<typeof store.swap>) => (writes++, store.swap(...args)),
    });
    const a = await world.replica('a', { store: counting });
    a.send('delivered', 10_000);
    await world.clock.advance(5_000);
    expect(writes).toBe(0);
    a.send('transient', 3);
    await world.clock.advance(1_000);
    expect(writes).toBe(1);
    a.send('delivered', 1_000);
    await world.clock.advance(1_000);
    expect(writes).toBe(2);
    // Beyond the window nothing is left to be told.
    await world.clock.advance(40_000);
    const before = writes;
    a.send('delivered', 1_000);
    await world.clock.advance(10_000);
    expect(writes - before).toBeLessThanOrEqual(1);
  });

  it('probes with one delivery, and goes on doubling while it fails', async () => {
    const a = await world.replica('a');
    a.send('transient', 6);
    const at: number[] = [world.clock.nowMs()];
    for (let probe = 0; probe < 6;) {
      await world.clock.advance(10);
      if (!a.enter()) continue;
      at.push(world.clock.nowMs());
      expect(a.enter()).toBe(false);
      a.ends('transient', 503);
      probe++;
    }
    const waits = at.slice(1).map((each, n) => each - at[n]!);
    waits.forEach((waitMs, n) => {
      expect(waitMs).toBeGreaterThanOrEqual(1_000 * 2 ** n);
      expect(waitMs).toBeLessThan(1_000 * 2 ** n + 300);
    });
  });

  it('ramps 1, 2, 4 in flight and then closes', async () => {
    const a = await world.replica('a');
    a.send('transient', 6);
    const seen = await world.traffic([a], 4_000, () => 'delivered');
    const most = seen.map(({ inside }) => inside);
    expect(a.kind).toBe('closed');
    const climb = [...new Set(most.map((_, n) => Math.max(...most.slice(0, n + 1))))];
    expect(climb.slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
    // Nothing beyond a level before it was confirmed: after the canary 1, then 2, then 4 at once, and so on.
    const bursts = [...new Set(seen.map(({ atMs }) => atMs))].map((atMs) => seen.filter((each) => each.atMs === atMs).at(-1)!.inside);
    expect(bursts.slice(0, 4)).toEqual([1, 1, 2, 4]);
  });

  it('counts neither way what was sent before it tripped', async () => {
    const a = await world.replica('a');
    for (let n = 0; n < 8; n++) a.enter();
    for (let n = 0; n < 6; n++) a.ends('transient', 503);
    await world.clock.advance(1_100);
    // Two are still out: the canary waits for them.
    expect(a.enter()).toBe(false);
    a.ends('transient', 503);
    a.ends('delivered');
    expect(['open', 'half-open']).toContain(a.kind);
    await world.clock.advance(300);
    a.enter();
    await world.clock.advance(300);
    expect(a.enter()).toBe(true);
    a.ends('delivered');
    expect(a.kind).toBe('ramping');
  });

  it('takes any answer of the canary for a partner that is there, and none for a fault of ours', async () => {
    const a = await world.replica('a');
    const canary = async (): Promise<void> => {
      for (let n = 0; n < 400 && !a.enter(); n++) await world.clock.advance(20);
      expect(a.inside).toBe(1);
    };
    a.send('transient', 6);
    await canary();
    a.ends('permanent', null);
    expect(a.kind).toBe('half-open');
    expect(a.enter()).toBe(true);
    a.ends('throttled', 429);
    expect(a.kind).toBe('ramping');
  });

  it('gives a turn back that nobody uses, and takes it when a delivery comes', async () => {
    const a = await world.replica('a');
    a.send('transient', 6);
    await world.clock.advance(1_000);
    a.enter();
    await world.clock.advance(10);
    expect(a.kind).toBe('half-open');
    await world.clock.advance(3_000);
    expect(a.kind).toBe('open');
    expect(a.valve.state.outage).toMatchObject({ probes: 0 });
    a.enter();
    await world.clock.advance(10);
    expect(a.enter()).toBe(true);
  });

  it('asks the health URL at its times while nothing goes in', async () => {
    const asked: number[] = [];
    let ok = false;
    const a = await world.replica('a', { probe: async () => (asked.push(world.clock.nowMs()), { ok, cause: '503' }) });
    a.send('transient', 6);
    const trippedMs = world.clock.nowMs();
    const seen = await world.traffic([a], 16_000, () => 'delivered');
    expect(seen).toEqual([]);
    expect(asked.map((each) => each - trippedMs)).toEqual([1_000, 3_000, 7_000, 15_000]);
    ok = true;
    await world.traffic([a], 20_000, () => 'delivered');
    expect(a.kind).toBe('closed');
    expect(world.changes.slice(-3)).toEqual(['a portal open→half-open', 'a portal half-open→ramping', 'a portal ramping→closed']);
  });

  it('lets nothing in while the health URL takes its time, and takes its answer for the probe’s', async () => {
    const answers: ((ok: boolean) => void)[] = [];
    const probe = () => new Promise<{ ok: boolean; cause: string }>((resolve) => answers.push((ok) => resolve({ ok, cause: '503' })));
    const a = await world.replica('a', { probe });
    for (let n = 0; n < 7; n++) a.enter();
    for (let n = 0; n < 6; n++) a.ends('transient', 503);
    await world.clock.advance(1_500);
    expect([answers.length, a.kind]).toEqual([1, 'half-open']);
    expect(a.enter()).toBe(false);
    a.ends('delivered');
    expect(a.kind).toBe('half-open');
    expect(a.enter()).toBe(false);
    answers[0]!(true);
    await world.clock.advance(0);
    expect(a.kind).toBe('ramping');
  });

  it('asks it for three days at the times that are stated', async () => {
    const asked: number[] = [];
    const a = await world.replica('a', {
      pollMs: 120_000,
      probe: async () => (asked.push(world.clock.nowMs()), { ok: false, cause: '503' }),
    });
    a.send('transient', 6);
    const trippedMs = world.clock.nowMs();
    await world.clock.advance(3 * 86_400_000);
    const waits = asked.map((each, n) => each - (asked[n - 1] ?? trippedMs));
    const stated = Array.from({ length: 30 }, (_, n) => Math.min(14_400_000, 1_000 * 2 ** n));
    expect(waits).toEqual(stated);
    expect(a.valve.limit()).toBe(0);
    expect(a.valve.state.outage).toMatchObject({ probes: 30, sinceMs: trippedMs });
  });
});

describe('a flapping partner', () => {
  it('up for 2 s and down for 2 s is asked ever more rarely, and gets less and less of what fails', async () => {
    const a = await world.replica('a');
    const isUp = (): boolean => world.clock.nowMs() % 4_000 < 2_000;
    let failed = 0;
    const failedIn = async (forMs: number): Promise<number> => {
      failed = 0;
      await world.traffic([a], forMs, () => (isUp() ? 'delivered' : (failed++, 'transient')), 50);
      return failed;
    };
    const first = await failedIn(60_000);
    const later = await failedIn(60_000);
    const last = await failedIn(60_000);
    expect(first).toBeGreaterThan(0);
    expect(later + last).toBeLessThan(first);
    const opened = world.changes.filter((change) => change.endsWith('→open')).length;
    expect(opened).toBeLessThan(20);
  });
});
