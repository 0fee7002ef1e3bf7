import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FairQueue } from './fair-queue.js';

// Goal: nobody's share depends on how much others bring. Method: tables for the order, properties for what holds of any traffic.
const all = <T>(queue: FairQueue<T>): T[] => {
  const out: T[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) out.push(item);
  return out;
};
const filled = (items: readonly string[], groupsMax = 64, costOf = (_item: string): number => 1): FairQueue<string> => {
  const queue = new FairQueue<string>(groupsMax);
  for (const item of items) queue.push(item, { group: item[0]!, cost: costOf(item) });
  return queue;
};

describe('FairQueue', () => {
  it.each([
    ['one group: first come, first served', ['a1', 'a2', 'a3'], ['a1', 'a2', 'a3']],
    ['in turn', ['a1', 'a2', 'a3', 'b1', 'b2'], ['a1', 'b1', 'a2', 'b2', 'a3']],
    ['each group in its own order', ['a1', 'b1', 'c1', 'a2', 'b2'], ['a1', 'b1', 'c1', 'a2', 'b2']],
  ])('%s', (_name, came, left) => {
    expect(all(filled(came))).toEqual(left);
  });

  it('lets who costs three units go once while others go three times', () => {
    const left = all(filled(['a1', 'a2', 'b1', 'b2', 'b3', 'b4', 'b5', 'b6'], 64, (item) => (item.startsWith('a') ? 3 : 1)));
    expect(left).toEqual(['b1', 'b2', 'a1', 'b3', 'b4', 'b5', 'a2', 'b6']);
  });

  it('gives those beyond its groups one turn together', () => {
    expect(all(filled(['a1', 'a2', 'b1', 'b2', 'c1', 'd1', 'c2'], 2))).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'd1', 'c2']);
  });

  it('gives a place of its own to who comes when another group has gone', () => {
    const queue = filled(['a1', 'b1', 'c1', 'c2'], 2);
    expect([queue.take(), queue.take()]).toEqual(['a1', 'b1']);
    queue.push('d1', { group: 'd', cost: 1 });
    queue.push('d2', { group: 'd', cost: 1 });
    expect(all(queue)).toEqual(['c1', 'd1', 'c2', 'd2']);
  });

  it('saves no credit for a group that has nobody', () => {
    const queue = filled(['a1', 'b1'], 64);
    expect(all(queue)).toEqual(['a1', 'b1']);
    for (const item of ['b2', 'a2', 'b3', 'a3']) queue.push(item, { group: item[0]!, cost: 1 });
    expect(all(queue)).toEqual(['b2', 'a2', 'b3', 'a3']);
  });

  const came = fc.array(fc.record({ group: fc.constantFrom('a', 'b', 'c', 'd', 'e'), cost: fc.integer({ min: 1, max: 9 }) }), {
    maxLength: 200,
  });

  it('hands out each once, in its group in order, whatever comes and goes in between', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant('take'), fc.constantFrom('a', 'b', 'c', 'd')), { maxLength: 200 }),
        fc.integer({ min: 1, max: 5 }),
        (steps, groupsMax) => {
          const queue = new FairQueue<{ group: string; n: number }>(groupsMax);
          const out: { group: string; n: number }[] = [];
          let n = 0;
          for (const step of steps) {
            const next = queue.next();
            if (step !== 'take') queue.push({ group: step, n: n++ }, { group: step, cost: 1 });
            else if (next) expect(out.push(queue.take()!) && out.at(-1)).toBe(next);
          }
          const size = queue.size;
          const rest = all(queue);
          expect([rest.length, queue.size]).toEqual([size, 0]);
          expect([...out, ...rest].map((one) => one.n).sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
          // Only where all have a place of their own: who waits in the shared one may be overtaken by his group's own.
          if (groupsMax < 4) return;
          for (const group of 'abcd') {
            const mine = [...out, ...rest].filter((one) => one.group === group).map((one) => one.n);
            expect(mine).toEqual([...mine].sort((a, b) => a - b));
          }
        },
      ),
    );
  });

  it('is proportional: groups that wait all the time have cost the same, but for what one of them costs', () => {
    fc.assert(
      fc.property(came, fc.integer({ min: 1, max: 200 }), (items, takes) => {
        const queue = new FairQueue<{ group: string; cost: number }>(8);
        for (const item of items) queue.push(item, item);
        const spent = new Map<string, number>();
        const left = new Map<string, number>();
        for (const { group } of items) left.set(group, (left.get(group) ?? 0) + 1);
        for (let n = 0; n < takes && queue.size > 0; n++) {
          const { group, cost } = queue.take()!;
          spent.set(group, (spent.get(group) ?? 0) + cost);
          left.set(group, left.get(group)! - 1);
        }
        const waiting = [...left].filter(([, count]) => count > 0).map(([group]) => spent.get(group) ?? 0);
        expect(Math.max(0, ...waiting) - Math.min(Infinity, ...waiting)).toBeLessThanOrEqual(9 + 1);
      }),
    );
  });

  it('starves nobody: whoever comes goes within a turn of each group, times what he costs', () => {
    fc.assert(
      fc.property(came, fc.integer({ min: 1, max: 9 }), (items, cost) => {
        const queue = new FairQueue<string>(8);
        for (const item of items) queue.push('other', { ...item, cost: 1 });
        queue.push('mine', { group: 'mine', cost });
        const groups = new Set(items.map(({ group }) => group)).size;
        let before = 0;
        while (queue.take() !== 'mine') before++;
        expect(before).toBeLessThanOrEqual(groups * cost);
      }),
    );
  });

  it('takes out who is meant and keeps the others in turn', () => {
    const queue = filled(['a1', 'a2', 'b1', 'c1', 'c2']);
    expect(queue.takeOut((item) => item.endsWith('1'))).toEqual(['a1', 'b1', 'c1']);
    expect([queue.size, ...all(queue)]).toEqual([2, 'a2', 'c2']);
  });
});
