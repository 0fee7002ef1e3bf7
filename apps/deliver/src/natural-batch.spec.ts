import { describe, expect, it } from '@jest/globals';
import { NaturalBatch } from './natural-batch.js';

describe('NaturalBatch', () => {
  it('fills the next batch while one is under way, and answers each its own', async () => {
    const calls: (readonly number[])[] = [];
    let answer: () => void = () => {};
    const batch = new NaturalBatch<number, string>(async (items) => {
      calls.push(items);
      await new Promise<void>((resolve) => (answer = resolve));
      return items.map((item) => `${item}!`);
    }, 3);
    const first = [batch.add(1), batch.add(2)];
    await Promise.resolve();
    const second = [3, 4, 5, 6].map((item) => batch.add(item));
    answer();
    expect(await Promise.all(first)).toEqual(['1!', '2!']);
    answer();
    await second[2];
    answer();
    expect(await Promise.all(second)).toEqual(['3!', '4!', '5!', '6!']);
    expect(calls).toEqual([[1, 2], [3, 4, 5], [6]]);
  });

  it('tells a failure to those of the batch, and goes on', async () => {
    let isBroken = true;
    const batch = new NaturalBatch<number, number>(async (items) => {
      if (isBroken) throw new Error('broken');
      return items;
    }, 10);
    await expect(Promise.all([batch.add(1), batch.add(2)])).rejects.toThrow('broken');
    isBroken = false;
    expect(await batch.add(3)).toBe(3);
  });
});
