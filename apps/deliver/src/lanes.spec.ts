import { describe, expect, it } from '@jest/globals';
import { Lanes } from './lanes.js';

const item = (entity: string, n: number) => ({ entity, n });

describe('Lanes', () => {
  it('runs one at a time per entity, in the order they came', () => {
    const lanes = new Lanes<ReturnType<typeof item>>();
    const [a1, a2, b1, a3] = [item('a', 1), item('a', 2), item('b', 1), item('a', 3)];
    expect([a1, a2, b1, a3].map((one) => lanes.join(one))).toEqual([true, false, true, false]);
    expect(lanes.leave(a1)).toBe(a2);
    expect(lanes.leave(b1)).toBeNull();
    expect(lanes.leave(a2)).toBe(a3);
    expect(lanes.leave(a3)).toBeNull();
    expect(lanes.join(item('a', 4))).toBe(true);
  });

  it('lets only the head leave', () => {
    const lanes = new Lanes<ReturnType<typeof item>>();
    const [first, second] = [item('a', 1), item('a', 2)];
    lanes.join(first);
    lanes.join(second);
    expect(() => lanes.leave(second)).toThrow(RangeError);
  });
});
