import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideSuperseded, isNewer, type Rank, type RivalState } from './decide-superseded.js';

const rank = (revision: string | null, at: number): Rank => ({ revision, at, eventposition: `hf.events/0/${at}` });
const mine = rank('r5', 50);

describe('decideSuperseded', () => {
  it.each<[string, Rank, RivalState, boolean]>([
    ['a newer one that waits', rank('r6', 60), 'pending', true],
    ['a newer one that was delivered', rank('r6', 60), 'delivered', true],
    ['a newer one that perhaps was', rank('r6', 60), 'perhaps', true],
    ['a newer one that failed', rank('r6', 60), 'failed', false],
    ['a newer revision at an earlier position', rank('r6', 40), 'delivered', true],
    ['an older one that waits', rank('r4', 40), 'pending', false],
    ['an older one that was delivered', rank('r4', 40), 'delivered', false],
    ['an older revision at a later position', rank('r4', 60), 'delivered', false],
    ['the same revision at a later position', rank('r5', 60), 'pending', true],
    ['the same revision at an earlier position', rank('r5', 40), 'delivered', false],
    ['one without a revision at a later position', rank(null, 60), 'pending', true],
    ['one without a revision at an earlier position', rank(null, 40), 'delivered', false],
    ['itself', mine, 'delivered', false],
  ])('beside %s', (_what, other, state, isOvertaken) => {
    expect(decideSuperseded(mine, [{ rank: other, state }])).toEqual(isOvertaken ? other : null);
  });

  it('names the newest of those that count', () => {
    const rivals = [
      { rank: rank('r6', 60), state: 'delivered' },
      { rank: rank('r8', 80), state: 'pending' },
      { rank: rank('r7', 70), state: 'perhaps' },
      { rank: rank('r9', 90), state: 'failed' },
    ] as const;
    expect(decideSuperseded(mine, rivals)).toEqual(rank('r8', 80));
    expect(decideSuperseded(mine, [])).toBeNull();
  });

  it('leaves exactly one of any set that waits, where revisions are given to all or to none', () => {
    const all = (revision: fc.Arbitrary<string | null>) =>
      fc.uniqueArray(fc.record({ revision, at: fc.nat(1_000), eventposition: fc.constant('') }), {
        minLength: 1,
        selector: ({ at }) => at,
      });
    const sets = fc.oneof(all(fc.constant(null)), all(fc.string({ minLength: 1, maxLength: 2 })));
    fc.assert(
      fc.property(sets, (ranks) => {
        const out = ranks.filter(
          (one) =>
            !decideSuperseded(
              one,
              ranks.map((other) => ({ rank: other, state: 'pending' as const })),
            ),
        );
        expect(out).toHaveLength(1);
        expect(ranks.every((one) => one === out[0] || isNewer(out[0]!, one))).toBe(true);
      }),
    );
  });
});
