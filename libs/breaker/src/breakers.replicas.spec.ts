import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { commandBreaker } from './command-breaker.js';
import { BreakerWorld, type Replica } from './testing/breaker.world.js';

// Goal: the replicas of a destination trip, probe, ramp and close as one; a restart, a wiped store and a lost lease do no harm.
// Method: several processes' breakers over one store in memory and one clock, each asked as its gate would.
let world: BreakerWorld;
beforeEach(() => void (world = new BreakerWorld()));
afterEach(() => world.close());

describe('several replicas', () => {
  it('trip together: failures spread over them count as one run, and all learn of it within a second', async () => {
    const [a, b] = [await world.replica('a'), await world.replica('b')];
    a.send('transient', 3);
    await world.clock.advance(1_000);
    b.send('transient', 3);
    expect(b.kind).toBe('open');
    await world.clock.advance(900);
    expect(a.kind).toBe('open');
    expect(a.valve.limit()).toBe(0);
  });

  it('agree before a failure is anybody’s: three here and three there at one moment trip both', async () => {
    const [a, b] = [await world.replica('a'), await world.replica('b')];
    a.send('transient', 3);
    b.send('transient', 3);
    expect([a.kind, b.kind]).toEqual(['closed', 'closed']);
    await Promise.all([a.valve.agreed(), b.valve.agreed()]);
    // Whoever was first to write hears of it a moment later, when it asks.
    expect([a.kind, b.kind]).toContain('open');
    await world.clock.advance(900);
    expect([a.kind, b.kind]).toEqual(['open', 'open']);
    expect([a.valve.agreed(), b.valve.agreed()]).toEqual([null, null]);
  });

  it('spare what fails in the outage, in its ramp, or later of what began in it, and nothing else', async () => {
    const [a, b] = [await world.replica('a'), await world.replica('b')];
    const spared = (): (string | null)[] => [a, b].map(({ valve }) => valve.spares(world.clock.nowMs()));
    expect(spared()).toEqual([null, null]);
    a.send('transient', 5);
    expect(spared()).toEqual([null, null]);
    a.send('transient');
    await world.clock.advance(900);
    expect(spared()).toEqual(['breaker', 'breaker']);
    await world.traffic([a, b], 400, () => 'delivered', 100);
    expect(a.kind).toBe('ramping');
    expect(spared()).toEqual(['breaker', 'breaker']);
    const inTheRampMs = world.clock.nowMs();
    await world.traffic([a, b], 6_000, () => 'delivered', 100);
    expect([a.kind, b.kind]).toEqual(['closed', 'closed']);
    expect(spared()).toEqual([null, null]);
    expect([a, b].map(({ valve }) => valve.spares(inTheRampMs))).toEqual(['breaker', 'breaker']);
  });

  it('do not trip when another one succeeds in between', async () => {
    const [a, b] = [await world.replica('a'), await world.replica('b')];
    a.send('transient', 4);
    await world.clock.advance(1_000);
    b.send('delivered');
    await world.clock.advance(1_000);
    a.send('transient', 4);
    await world.clock.advance(1_000);
    expect([a.kind, b.kind]).toEqual(['closed', 'closed']);
  });

  it('count a rate over all of them, and the successes of the healthy one too', async () => {
    const [a, b] = [await world.replica('a'), await world.replica('b')];
    const mixed = (replica: Replica, count: number): void => {
      for (let n = 0; n < count; n++) replica.send(n % 2 === 0 ? 'delivered' : 'transient');
    };
    mixed(a, 12);
    await world.clock.advance(1_000);
    mixed(b, 12);
    await world.clock.advance(2_000);
    expect([a.kind, b.kind]).toEqual(['open', 'open']);
  });

  it('send one canary between them, whoever it is, at doubled times', async () => {
    const replicas = [await world.replica('a'), await world.replica('b'), await world.replica('c')];
    replicas[0]!.send('transient', 6);
    await world.clock.advance(900);
    expect(replicas.map(({ kind }) => kind)).toEqual(['open', 'open', 'open']);
    const seen = await world.traffic(replicas, 40_000, () => 'transient', 300);
    expect(Math.max(...seen.map(({ inside }) => inside))).toBe(1);
    const gaps = seen.slice(1).map(({ atMs }, n) => atMs - seen[n]!.atMs);
    expect(seen).toHaveLength(5);
    gaps.forEach((gapMs, n) => {
      expect(gapMs).toBeGreaterThanOrEqual(2_000 * 2 ** n);
      expect(gapMs).toBeLessThan(2_000 * 2 ** n + 900);
    });
  });

  it('share the ramp: together never more than the level', async () => {
    const replicas = [await world.replica('a'), await world.replica('b')];
    replicas[0]!.send('transient', 6);
    await world.clock.advance(900);
    const seen = await world.traffic(replicas, 1_200, () => 'delivered', 100);
    const levels = seen.map(({ inside }) => inside);
    expect(levels.slice(0, 2)).toEqual([1, 1]);
    expect(Math.max(...levels.slice(0, 4))).toBeLessThanOrEqual(2);
    await world.traffic(replicas, 6_000, () => 'delivered', 100);
    expect(replicas.map(({ kind }) => kind)).toEqual(['closed', 'closed']);
  });

  it('ramp even when the one that probed has no deliveries', async () => {
    const healthy = { probe: async () => ({ ok: true, cause: '' }) };
    const replicas = [await world.replica('a', healthy), await world.replica('b', healthy)];
    replicas[0]!.send('transient', 6);
    await world.clock.advance(1_300);
    const [idle, busy] = replicas[0]!.valve.state.phase.kind === 'ramping' ? replicas : [...replicas].reverse();
    expect(idle!.kind).toBe('ramping');
    await world.traffic([busy!], 15_000, () => 'delivered', 100);
    expect(busy!.kind).toBe('closed');
  });

  it('let another probe when the one that held the lease is gone', async () => {
    const a = await world.replica('a');
    a.send('transient', 6);
    await world.clock.advance(1_000);
    a.enter();
    await world.clock.advance(10);
    expect(a.enter()).toBe(true);
    // As a killed process: it renews nothing any more. Its state stays.
    world.store.isAway = true;
    await a.breakers.close();
    world.store.isAway = false;
    const b = await world.replica('b');
    expect(b.valve.limit()).toBe(0);
    const seen = await world.traffic([b], 6_000, () => 'delivered', 100);
    expect(seen[0]!.inside).toBe(1);
    expect(b.kind).toBe('closed');
  });
});

describe('a start', () => {
  it('during an outage lets nothing in: not before the store has told what stands, and not after', async () => {
    const a = await world.replica('a', { probe: async () => ({ ok: false, cause: '503' }) });
    a.send('transient', 6);
    await world.clock.advance(20_000);
    await a.breakers.close();
    const b = world.unstarted('b', { probe: async () => ({ ok: false, cause: '503' }) });
    expect(b.enter()).toBe(false);
    expect(b.valve.holding()).toMatchObject({ reason: 'breaker' });
    b.breakers.start();
    expect(b.enter()).toBe(false);
    const seen = await world.traffic([b], 5_000, () => 'delivered');
    expect(seen).toEqual([]);
    expect(b.valve.state.outage).toMatchObject({ cause: '6 failures in a row; the last answer was 500' });
  });

  it('without a store waits a bounded time, and follows what stands when it is back', async () => {
    const a = await world.replica('a', { probe: async () => ({ ok: false, cause: '503' }) });
    a.send('transient', 6);
    await world.clock.advance(20_000);
    await a.breakers.close();
    world.store.isAway = true;
    const b = await world.replica('b');
    await world.clock.advance(2_500);
    expect(b.enter()).toBe(false);
    await world.clock.advance(1_000);
    expect(b.enter()).toBe(true);
    world.store.isAway = false;
    await world.clock.advance(1_000);
    expect(b.kind).toBe('open');
  });
});

describe('the store', () => {
  it('away: what is known stands, and what happened meanwhile is told once when it is back', async () => {
    const [a, b] = [await world.replica('a'), await world.replica('b')];
    world.store.isAway = true;
    a.send('transient', 6);
    await world.clock.advance(5_000);
    expect(a.kind).toBe('open');
    expect(a.enter()).toBe(false);
    expect(b.kind).toBe('closed');
    world.store.isAway = false;
    await world.clock.advance(2_000);
    expect(b.kind).toBe('open');
    expect(b.valve.state.waits).toBe(1);
  });

  it('wiped: it begins closed and trips anew', async () => {
    const [a, b] = [await world.replica('a'), await world.replica('b')];
    a.send('transient', 6);
    await world.clock.advance(900);
    world.store.forget();
    await world.clock.advance(600);
    expect([a.kind, b.kind]).toEqual(['closed', 'closed']);
    b.send('transient', 6);
    await world.clock.advance(1_000);
    expect([a.kind, b.kind]).toEqual(['open', 'open']);
  });

  it('that answers late is not told twice: a write whose answer is lost counts once', async () => {
    const { store } = world;
    let loses = 1;
    const losing = Object.assign(Object.create(store) as typeof store, {
      swap: async (...args: Parameters<typeof store.swap>) => {
        const answer = await store.swap(...args);
        if (loses-- > 0) throw new Error('the answer is lost');
        return answer;
      },
    });
    const a = await world.replica('a', { store: losing });
    a.send('transient', 3);
    await world.clock.advance(2_000);
    expect(a.valve.state.phase).toMatchObject({ kind: 'closed', streak: 3 });
    a.send('transient', 2);
    await world.clock.advance(2_000);
    expect(a.valve.state.phase).toMatchObject({ kind: 'closed', streak: 5 });
    expect((await store.read('portal')).state!.phase).toMatchObject({ streak: 5 });
  });
});

describe('an operator', () => {
  const by = { by: 'ada', reason: 'their maintenance' };

  it('opens, probes and closes it for all replicas', async () => {
    const [a, b] = [await world.replica('a'), await world.replica('b')];
    const command = async (to: 'open' | 'close' | 'probe'): Promise<void> => {
      await commandBreaker(world.store, 'portal', { to, ...by, atMs: world.clock.nowMs() });
      await world.clock.advance(1_000);
    };
    await command('open');
    expect([a.valve.limit(), b.valve.limit()]).toEqual([0, 0]);
    expect(a.valve.holding()).toMatchObject({ untilMs: null, detail: 'opened by ada: their maintenance' });
    await world.clock.advance(100_000);
    expect(a.enter()).toBe(false);
    await command('probe');
    expect([a.enter(), b.enter()]).toEqual([false, false]);
    await world.clock.advance(300);
    expect([a.enter(), b.enter()].filter(Boolean)).toHaveLength(1);
    await command('close');
    expect([a.valve.limit(), b.valve.limit()]).toEqual([Infinity, Infinity]);
  });
});
