import { describe, expect, it } from '@jest/globals';
import { answerKeeper } from './answers.js';
import { Gate } from './gate.js';
import { itemOf } from './item.js';
import { testDelivery, testPolicy } from './testing/deliver.world.js';
import { Way, type WayParts } from './way.js';

describe('Way', () => {
  it('keeps little of an answer, though a look-up reads much of one: a history has to fit into its record', () => {
    const clock = { nowMs: () => 1_000, monotonicMs: () => 1_000, sleep: async () => {} };
    const destination = { name: 'portal', policy: testPolicy(), keep: answerKeeper({ keepMaxBytes: 1_024, mask: [] }) };
    const way = new Way({
      destination,
      clock,
      report: { attempted: () => {} },
      gate: new Gate(clock, { ...destination.policy, valves: [] }),
    } as unknown as WayParts);
    const item = itemOf(0, 0, testDelivery(0));
    const outcome = { kind: 'responded', status: 500, retryAfterMs: null, body: 'x'.repeat(256 * 1024) } as const;
    way.book(item, outcome, { class: 'transient', rule: 'default', effect: 'no' }, { wallMs: 1_000, monotonicMs: 1_000 });
    expect(item.entries[0]!.body).toHaveLength(1_024);
  });
});
