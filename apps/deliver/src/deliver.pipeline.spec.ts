import { describe, expect, it } from '@jest/globals';
import { deliver } from './deliver.pipeline.js';
import { itemOf } from './item.js';
import { testDelivery, testPolicy } from './testing/deliver.world.js';
import type { Way } from './way.js';

const hourMs = 3_600_000;

describe('deliver', () => {
  it('trusts no idempotency key that grew too old while the delivery waited for its slot (rule 22)', async () => {
    let nowMs = 1_700_000_000_000;
    const item = itemOf(0, nowMs, testDelivery(0, { doubtful: true, firstattemptat: nowMs - hourMs }));
    const end = { kind: 'held', item } as never;
    const asked: string[] = [];
    const way = {
      destination: { policy: testPolicy({ resolve: 'idempotency-key', validForMs: 24 * hourMs }) },
      clock: { nowMs: () => nowMs },
      sequence: { isReading: () => false },
      // Redis was away for a day.
      enter: async () => ((nowMs += 24 * hourMs), true),
      leave: () => {},
      deadline: () => ({ wallMs: 0, monotonicMs: 0 }),
      claim: async () => (asked.push('claimed'), { kind: 'done', how: 'once', starts: 1 }),
      found: () => ({ kind: 'end', end }),
      resolve: async (_item: unknown, plan: { kind: string }) => (asked.push(plan.kind), { kind: 'end', end }),
    } as unknown as Way;
    expect(await deliver(item, way)).toBe(end);
    expect(asked).toEqual(['hold']);
  });
});
