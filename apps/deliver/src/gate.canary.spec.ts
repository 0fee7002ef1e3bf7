// Goal: what keeps a destination back for two reasons at once is let go when both allow it. Method: the real valves over memory stores and a moved clock.
import { describe, expect, it } from '@jest/globals';
import { BreakerWorld } from '#libs/breaker/src/testing/breaker.world.js';
import { toldOf } from '#libs/delivery/src/testing/scripted-valve.js';
import { MemoryRateStore, RateLimitValve } from '#libs/limits/src/index.js';
import { Gate } from './gate.js';

describe('a breaker behind a slow rate', () => {
  it('gets its canary through, though a token comes more rarely than an unused right lasts', async () => {
    const world = new BreakerWorld();
    const { clock } = world;
    const { breakers, valve } = await world.replica('a');
    const store = new MemoryRateStore(clock);
    const rate = new RateLimitValve({ destination: 'portal', rate: { perSecond: 0.1, burst: 1 }, store, clock });
    const gate = new Gate(clock, { maxInFlight: 8, retryBudget: { share: 1, minPerSecond: 100 }, valves: [rate, valve] });
    for (let n = 0; n < 6; n++) valve.told(toldOf('transient', { nowMs: clock.nowMs(), tookMs: 0, status: 500 }));
    await clock.advance(0);
    expect(valve.state.phase.kind).toBe('open');
    let isIn = false;
    void gate.enter({}, false).then((admitted) => void (isIn = admitted));
    for (let n = 0; n < 600 && !isIn; n++) await clock.advance(100);
    expect(isIn).toBe(true);
    await Promise.all([breakers.close(), rate.close(), gate.close()]);
  });
});
