import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Window } from './window.js';

// Goal: the offset moves past gapless runs only, and what is settled beyond it is never lost.
// Method: the cases of rule 6 by hand; then any order of settling against a plain set.
const seen = (window: Window, ...offsets: number[]): Window => {
  for (const offset of offsets) {
    window.passed(offset + 1);
    window.see(offset, 10);
  }
  return window;
};

describe('Window', () => {
  it('stands where it was committed, and takes over what was settled beyond', () => {
    const window = new Window({ offset: 5, settled: [7, 9] });
    expect(window.offset()).toBe(5);
    expect([5, 6, 7, 8, 9].map((offset) => window.isSettled(offset))).toEqual([false, false, true, false, true]);
    expect(seen(window, 5, 6, 8).with(new Set([5]))).toEqual({ offset: 6, settled: [7, 9] });
  });

  it('never commits an offset that an owner before has settled: a commit cannot say so, and it would be sent again', () => {
    // The chunk ended right before what the owner before me had settled.
    const window = seen(new Window({ offset: 10, settled: [12, 13, 15] }), 10, 11);
    expect(window.with(new Set([10, 11]))).toEqual({ offset: 14, settled: [15] });
    window.settle([10, 11]);
    expect(seen(window, 14).with(new Set([14]))).toEqual({ offset: 16, settled: [] });
  });

  it('moves past a run without a gap, and keeps the rest', () => {
    const window = seen(new Window({ offset: 0, settled: [] }), 0, 1, 2, 3);
    expect(window.with(new Set([1, 3]))).toEqual({ offset: 0, settled: [1, 3] });
    window.settle([1, 3]);
    expect(window.with(new Set([0]))).toEqual({ offset: 2, settled: [3] });
    window.settle([0]);
    expect(window.offset()).toBe(2);
    expect(window.with(new Set([2]))).toEqual({ offset: 4, settled: [] });
  });

  it('passes offsets that hold no data', () => {
    const window = seen(new Window({ offset: 0, settled: [] }), 0, 4);
    expect(window.with(new Set([0]))).toEqual({ offset: 4, settled: [] });
    window.settle([0, 4]);
    window.passed(9);
    expect(window.offset()).toBe(9);
  });

  it('changes nothing by asking', () => {
    const window = seen(new Window({ offset: 0, settled: [] }), 0, 1);
    window.with(new Set([0, 1]));
    expect(window.offset()).toBe(0);
    expect(window.size()).toEqual({ records: 2, bytes: 20 });
  });

  it('counts what is held', () => {
    const window = seen(new Window({ offset: 0, settled: [] }), 0, 1, 2);
    window.settle([1]);
    expect(window.size()).toEqual({ records: 2, bytes: 20 });
  });

  it('agrees with a plain set for any order of settling', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60), { minLength: 1 }), fc.array(fc.nat(100)), (positions, picks) => {
        const offsets = positions.toSorted((a, b) => a - b);
        const window = seen(new Window({ offset: 0, settled: [] }), ...offsets);
        const open = new Set(offsets);
        for (const pick of picks) {
          const rest = [...open];
          const one = rest[pick % Math.max(1, rest.length)];
          if (one === undefined) break;
          const next = window.with(new Set([one]));
          open.delete(one);
          const low = Math.min(...open, offsets.at(-1)! + 1);
          expect(next.offset).toBe(low);
          expect(next.settled).toEqual(offsets.filter((offset) => offset > low && !open.has(offset)));
          window.settle([one]);
          expect(window.offset()).toBe(low);
        }
      }),
    );
  });
});
