import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { HoldValve } from './hold-valve.js';
import { valveContract } from './testing/valve.contract.js';

valveContract('HoldValve until a moment', async () => {
  const clock = new ManualClock();
  const valve = new HoldValve(clock, 'throttled');
  return { valve, shut: async () => void valve.hold(clock.nowMs() + 1_000), open: () => clock.advance(1_000) };
});

valveContract('HoldValve until somebody lets go', async () => {
  const valve = new HoldValve(new ManualClock(), 'paused');
  return { valve, shut: async () => void valve.hold(null, 'an operator'), open: async () => valve.release() };
});

describe('HoldValve', () => {
  it('says whether it was not held before, and since when it is', async () => {
    const clock = new ManualClock();
    const valve = new HoldValve(clock, 'throttled');
    const sinceMs = clock.nowMs();
    expect(valve.hold(sinceMs + 100)).toBe(true);
    await clock.advance(50);
    expect(valve.hold(sinceMs + 200)).toBe(false);
    expect(valve.holding()).toEqual({ reason: 'throttled', sinceMs, untilMs: sinceMs + 200, detail: null });
  });

  it('does not hold for a moment that has passed', () => {
    const clock = new ManualClock();
    const valve = new HoldValve(clock, 'throttled');
    expect(valve.hold(clock.nowMs())).toBe(false);
    expect(valve.limit()).toBe(Infinity);
  });

  it('keeps a hold without an end against one with an end', async () => {
    const clock = new ManualClock();
    const valve = new HoldValve(clock, 'paused');
    valve.hold(null);
    valve.hold(clock.nowMs() + 10);
    await clock.advance(10);
    expect(valve.limit()).toBe(0);
  });
});
