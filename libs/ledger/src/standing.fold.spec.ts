import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Fact } from '#libs/domain/src/index.js';
import { foldStandings, laterStanding, type Standing } from './standing.fold.js';
import { fact, judged } from './testing/ledger-rows.builder.js';
import { foldHistories } from './verdict.fold.js';

// Goal: the row to search by says what the whole story says.
// Method: one row = facts → the verdict of both folds; then any facts in any order.
const AT = judged().at;
const settled = (over: Partial<Fact> = {}) =>
  fact({ fact: 'settled', verdict: 'delivered-once', class: 'delivered', tier: null, at: AT + 9, ...over });
const rows: [name: string, facts: Fact[], destination: string, verdict: string][] = [
  ['routed', [judged()], 'portal', 'waiting'],
  ['attempted', [judged(), fact({ at: AT + 1 })], 'portal', 'waiting'],
  ['delivered at once', [judged(), settled()], 'portal', 'delivered-once'],
  [
    'delivered by proof after a retry',
    [judged(), fact(), settled({ hop: 1, verdict: 'delivered-once-by-proof' })],
    'portal',
    'delivered-once-by-proof',
  ],
  ['superseded', [judged(), settled({ verdict: 'superseded' })], 'portal', 'superseded'],
  ['dead', [judged(), fact({ fact: 'dead-lettered' })], 'portal', 'dead-lettered'],
  ['requeued', [judged(), fact({ fact: 'dead-lettered' }), fact({ fact: 'requeued', at: AT + 5 })], 'portal', 'waiting'],
  ['discarded', [judged(), fact({ fact: 'dead-lettered' }), fact({ fact: 'discarded', at: AT + 5 })], 'portal', 'discarded'],
  ['held', [judged(), fact({ fact: 'held' })], 'portal', 'waiting'],
  [
    'a duplicate',
    [judged({ verdict: 'duplicate', duplicateof: 'hf.events/0/1', destinations: ['portal'] })],
    'portal',
    'duplicate-suppressed',
  ],
  ['invalid', [judged({ verdict: 'invalid', destinations: ['portal'] })], 'portal', 'invalid'],
];

describe('the standing of an event at a destination', () => {
  for (const [name, facts, destination, verdict] of rows) {
    it(`${name}: ${verdict}, as the whole story says`, () => {
      const [history] = foldHistories({ received: [], facts, traces: [], passed: () => null });
      expect(history!.verdicts[destination]?.verdict).toBe(verdict);
      expect(foldStandings(facts).find((standing) => standing.destination === destination)?.verdict).toBe(verdict);
      expect(foldStandings(facts).find((standing) => standing.destination === '')?.verdict).toBe(history!.verdict);
    });
  }

  it('does not depend on the order of facts, their repetition, or how they are cut into batches', () => {
    const kinds = fc.constantFrom<Fact['fact']>('attempted', 'held', 'dead-lettered', 'requeued', 'discarded', 'settled');
    const anyFact = fc
      .record({
        kind: kinds,
        hop: fc.nat(3),
        at: fc.nat(5),
        verdict: fc.constantFrom('delivered-once', 'delivered-once-by-proof', 'superseded'),
      })
      .map(({ kind, hop, at, verdict }) =>
        fact({ fact: kind, hop, at: AT + at, position: `hf.deliveries.portal/0/${hop}`, verdict: kind === 'settled' ? verdict : null }),
      );
    fc.assert(
      fc.property(fc.array(anyFact, { minLength: 1, maxLength: 8 }), fc.infiniteStream(fc.nat()), (facts, cuts) => {
        const whole = foldStandings(facts)[0]!;
        const shuffled = facts
          .map((one) => [cuts.next().value as number, one] as const)
          .sort(([a], [b]) => a - b)
          .map(([, one]) => one);
        const pieces = [...shuffled, ...facts].map((one) => foldStandings([one])[0]!);
        const folded = pieces.reduce<Standing>((a, b) => laterStanding(a, b), pieces[0]!);
        expect([folded.verdict, folded.hop, folded.weight]).toEqual([whole.verdict, whole.hop, whole.weight]);
      }),
    );
  });
});
