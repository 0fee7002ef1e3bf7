import { describe, expect, it } from '@jest/globals';
import { toldOf } from '#libs/delivery/src/testing/scripted-valve.js';
import { AdaptiveConcurrencyValve } from './adaptive-concurrency.valve.js';

const world = (bounds = { min: 1, max: 64 }) => {
  const limits: number[] = [];
  let calls = 0;
  const valve = new AdaptiveConcurrencyValve(bounds, 0, (limit) => limits.push(limit));
  valve.changed(() => void calls++);
  return { valve, limits, calls: () => calls };
};

describe('AdaptiveConcurrencyValve', () => {
  it.each([
    ['a 429', toldOf('throttled', { status: 429, nowMs: 1_000 })],
    ['a 503', toldOf('transient', { status: 503, nowMs: 1_000 })],
    ['a timeout', toldOf('unknown', { status: null, nowMs: 1_000 })],
  ])('narrows after %s', (_name, outcome) => {
    const { valve, limits } = world();
    valve.told(outcome);
    expect(valve.limit()).toBe(14);
    expect(limits).toEqual([20, 14]);
    expect(valve.holding()).toBeNull();
  });

  it.each([
    ['a connection that was refused', toldOf('transient', { status: null, tookMs: null, nowMs: 1_000 })],
    ['a rejected delivery', toldOf('business', { status: 422, nowMs: 1_000 })],
  ])('does not narrow after %s', (_name, outcome) => {
    const { valve } = world();
    valve.told(outcome);
    expect(valve.limit()).toBe(20);
  });

  it('widens while the partner is as fast as ever, tells who waits, and never passes its bounds', () => {
    const { valve, limits, calls } = world({ min: 2, max: 30 });
    for (let n = 0; n < 20_000; n++) valve.told(toldOf('delivered', { status: 200, tookMs: 100, nowMs: n * 2 }));
    expect(valve.limit()).toBe(30);
    expect(calls()).toBe(limits.length - 1);
    for (let n = 0; n < 100; n++) valve.told(toldOf('throttled', { status: 429, nowMs: 100_000 + n * 300 }));
    expect(valve.limit()).toBe(2);
  });
});
