import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Fact } from '#libs/domain/src/index.js';
import { attempt, eventPosition, evidence, judged, ofDelivery, trace } from './testing/evidence.builder.js';
import { foldHistories } from './verdict.fold.js';

// Goal: neither the order of facts nor their repetition changes a word of a verdict (rule 27).
// Method: one long story of two destinations and a duplicate; any prefix of it, shuffled, with some facts told again later.
const accepted = judged('accepted');
const refused = ofDelivery('attempted', 0, {
  class: 'transient',
  attempt: 1,
  attempts: [attempt(1, { class: 'transient', status: 503 })],
  tier: '30s',
  until: 31_100,
});
const settled = (hop: number, verdict: string): Fact =>
  ofDelivery('settled', hop, { verdict, class: 'delivered', attempt: hop + 1, attempts: [attempt(hop + 1)] });
const dead = ofDelivery('dead-lettered', 1, {
  class: 'business',
  reason: 'business',
  attempts: [attempt(2, { class: 'business', status: 422 })],
});

describe('order and repetition of facts', () => {
  const story: Fact[] = [
    judged('accepted', { destinations: ['portal', 'audit'] }),
    refused,
    dead,
    ofDelivery('requeued', 1, { by: 'ana', reason: 'fixed' }),
    settled(2, 'delivered-once-by-proof'),
    ofDelivery('held', 0, { destination: 'audit', delivery: 'dlv-2', position: 'hf.deliveries.audit/0/1' }),
    ofDelivery('dead-lettered', 0, { destination: 'audit', delivery: 'dlv-2', position: 'hf.deliveries.audit/0/1', at: 1_010 }),
    judged('duplicate', { eventposition: 'hf.events/0/8', position: 'hf.events/0/8', duplicateof: eventPosition }),
  ];

  it('change nothing: any prefix of the story, shuffled and repeated, folds to the same', () => {
    const shuffled = fc.integer({ min: 0, max: story.length }).chain((count) =>
      fc.record({
        count: fc.constant(count),
        facts: fc.shuffledSubarray(story.slice(0, count), { minLength: count }),
        again: fc.array(fc.nat(Math.max(0, count - 1)), { maxLength: 6 }),
      }),
    );
    fc.assert(
      fc.property(shuffled, fc.integer({ min: 0, max: 5_000 }), ({ count, facts, again }, laterMs) => {
        const straight = foldHistories(evidence({ facts: story.slice(0, count) }));
        const repeated = count === 0 ? [] : again.map((index) => ({ ...facts[index]!, at: facts[index]!.at + laterMs }));
        expect(foldHistories(evidence({ facts: [...repeated, ...facts] }))).toEqual(straight);
      }),
    );
  });

  it('never make a delivered event anything but delivered', () => {
    const kinds = fc.constantFrom<Fact['fact']>('attempted', 'held', 'dead-lettered', 'requeued', 'discarded');
    fc.assert(
      fc.property(
        fc.array(fc.record({ kind: kinds, hop: fc.nat(4) }), { maxLength: 8 }),
        fc.nat(4),
        fc.boolean(),
        (others, hop, hasPassed) => {
          const facts = [accepted, ...others.map((other) => ofDelivery(other.kind, other.hop)), settled(hop, 'delivered-once')];
          const [history] = foldHistories(
            evidence({ facts, traces: [trace({ hop: 5, position: 'hf.deliveries.portal/2/99' })], passed: () => hasPassed }),
          );
          expect(history!.verdicts['portal']!.verdict).toBe('delivered-once');
        },
      ),
    );
  });
});
