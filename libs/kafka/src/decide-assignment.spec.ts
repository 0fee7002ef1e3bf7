import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideAssignment } from './decide-assignment.js';

describe('sharing partitions', () => {
  const cases: [string, { member: string; has: number[] }[], number, Record<string, number[]>][] = [
    ['one member takes all', [{ member: 'a', has: [] }], 3, { a: [0, 1, 2] }],
    ['a second takes only what it must', [{ member: 'a', has: [0, 1, 2, 3] }, { member: 'b', has: [] }], 4, { a: [0, 1], b: [2, 3] }],
    ['what a leaver had is shared out, the rest stays', [{ member: 'b', has: [2, 5] }, { member: 'a', has: [0, 1] }], 6, { a: [0, 1, 3], b: [2, 4, 5] }],
    ['a partition claimed by two stays with the first by name', [{ member: 'b', has: [0, 1] }, { member: 'a', has: [0] }], 2, { a: [0], b: [1] }],
    ['the larger share stays where it is', [{ member: 'a', has: [0] }, { member: 'b', has: [1, 2] }], 3, { a: [0], b: [1, 2] }],
    ['more members than partitions', [{ member: 'a', has: [] }, { member: 'b', has: [0] }], 1, { a: [], b: [0] }],
    ['a claim of what is not there counts for nothing', [{ member: 'a', has: [7, -1] }], 1, { a: [0] }],
  ]; // prettier-ignore
  it.each(cases)('%s', (_, claims, partitions, expected) =>
    expect(Object.fromEntries(decideAssignment(claims, partitions))).toEqual(expected),
  );

  it('gives every partition to exactly one, evenly, in any order of the claims', () => {
    const claim = fc.record({ member: fc.uuid(), has: fc.array(fc.integer({ min: -1, max: 30 }), { maxLength: 12 }) });
    const claims = fc.uniqueArray(claim, { selector: ({ member }) => member, minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(claims, fc.integer({ min: 0, max: 24 }), (members, partitions) => {
        const shares = decideAssignment(members, partitions);
        const sizes = [...shares.values()].map((share) => share.length);
        expect([...shares.values()].flat().sort((a, b) => a - b)).toEqual(Array.from({ length: partitions }, (_, i) => i));
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(Object.fromEntries(decideAssignment([...members].reverse(), partitions))).toEqual(Object.fromEntries(shares));
      }),
    );
  });
});
