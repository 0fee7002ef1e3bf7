// Goal: the limit keeps its bounds whatever comes, gives way to an overloaded partner, and takes what a healthy one can do.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  concurrencyAtFirst,
  foldConcurrency,
  type ConcurrencyBounds,
  type ConcurrencySample,
  type ConcurrencyState,
} from './concurrency.fold.js';

const bounds: ConcurrencyBounds = { min: 2, max: 200 };
const samples = fc.array(
  fc.record({ isDrop: fc.boolean(), tookMs: fc.integer({ min: 0, max: 30_000 }), afterMs: fc.integer({ min: 0, max: 500 }) }),
  { maxLength: 300 },
);

/** A partner with so many workers: beyond them requests queue there, and past `dropAt` it answers 503. */
function partner(workers: number, { rounds = 400, tookMs = 50, dropAt = Infinity, state = concurrencyAtFirst(bounds, 0), nowMs = 0 } = {}) {
  const seen: number[] = [];
  for (let n = 0; n < rounds; n++) {
    const underWay = Math.floor(state.limit);
    const latencyMs = tookMs * Math.max(1, underWay / workers);
    nowMs += latencyMs;
    for (let k = 0; k < underWay; k++) {
      const sample: ConcurrencySample = k >= dropAt ? { kind: 'drop', atMs: nowMs } : { kind: 'answer', tookMs: latencyMs, atMs: nowMs };
      state = foldConcurrency(state, sample, bounds);
    }
    seen.push(state.limit);
  }
  return { state, nowMs, seen, last: seen.at(-1)! };
}

describe('adaptive concurrency', () => {
  it('stays within its bounds, and is a number, whatever comes', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 10 }), fc.integer({ min: 10, max: 500 }), (all, min, max) => {
        let nowMs = 0;
        let state: ConcurrencyState = concurrencyAtFirst({ min, max }, 0);
        for (const { isDrop, tookMs, afterMs } of all) {
          nowMs += afterMs;
          state = foldConcurrency(state, isDrop ? { kind: 'drop', atMs: nowMs } : { kind: 'answer', tookMs, atMs: nowMs }, { min, max });
          expect(state.limit).toBeGreaterThanOrEqual(min);
          expect(state.limit).toBeLessThanOrEqual(max);
        }
      }),
    );
  });

  it('never grows by a drop, and loses at most a share of itself by one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), fc.integer({ min: 0, max: 10_000 }), (limit, atMs) => {
        const before = { ...concurrencyAtFirst(bounds, 0), limit };
        const after = foldConcurrency(before, { kind: 'drop', atMs }, bounds).limit;
        expect(after).toBeLessThanOrEqual(limit);
        expect(after).toBeGreaterThanOrEqual(Math.max(2, limit * 0.7));
      }),
    );
  });

  it('goes to the least it may when the partner does nothing but refuse', () => {
    let state = concurrencyAtFirst(bounds, 0);
    for (let n = 0; n < 50; n++) state = foldConcurrency(state, { kind: 'drop', atMs: n * 300 }, bounds);
    expect(state.limit).toBe(2);
  });

  it('takes what is dropped together for one thing', () => {
    let state = concurrencyAtFirst(bounds, 0);
    for (let n = 0; n < 50; n++) state = foldConcurrency(state, { kind: 'drop', atMs: 1_000 + n }, bounds);
    expect(state.limit).toBeCloseTo(14);
  });

  it('grows to its bound where the partner does not become slower', () => {
    expect(Math.max(...partner(1_000_000, { rounds: 3_000 }).seen)).toBe(200);
  });

  it('settles where the partner begins to queue, and not far beyond', () => {
    const { seen } = partner(40, { rounds: 20_000 });
    for (const limit of seen.slice(1_000)) {
      expect(limit).toBeGreaterThanOrEqual(20);
      expect(limit).toBeLessThanOrEqual(120);
    }
  });

  it('keeps below what the partner refuses, most of the time', () => {
    const { seen } = partner(1_000_000, { rounds: 1_000, dropAt: 25 });
    const late = seen.slice(-300);
    expect(Math.max(...late)).toBeLessThan(33);
    expect(late.reduce((sum, limit) => sum + limit, 0) / late.length).toBeGreaterThan(17);
  });

  it('comes back after an overload', () => {
    const bad = partner(1_000_000, { rounds: 60, dropAt: 0 });
    expect(bad.last).toBe(2);
    expect(Math.max(...partner(1_000_000, { rounds: 3_000, state: bad.state, nowMs: bad.nowMs }).seen)).toBe(200);
  });

  it('learns nothing while half of it is unused', () => {
    let state = concurrencyAtFirst(bounds, 0);
    for (let n = 1; n < 500; n++) state = foldConcurrency(state, { kind: 'answer', tookMs: 50, atMs: n * 25 }, bounds);
    expect(state.limit).toBe(20);
  });
});
