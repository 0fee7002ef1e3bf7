import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { revisionOrder } from './revision-order.js';

const ascending: readonly (readonly [string, ...string[]])[] = [
  ['-100', '-11', '-2', '0', '1', '2', '10', '99', '100', '18446744073709551616'],
  ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00.5Z', '2024-01-01T00:00:00.50001Z', '2024-01-01T02:00:00+01:00', '2024-01-01T01:00:00.001Z'],
  ['2024-01-01', '2024-01-02', '2024-02-01'],
  ['1.0.0', '1.0.1', '2.0.0'],
  ['99', '2024-01-01T00:00:00Z', 'abc'],
];

describe('revisionOrder', () => {
  it.each(ascending)('orders %s and what follows', (...revisions) => {
    const keys = revisions.map((revision) => revisionOrder(revision));
    expect([...keys].sort()).toEqual(keys);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it.each([
    ['007', '7'],
    ['-0', '0'],
    ['2024-01-01T00:00:00Z', '2024-01-01T01:00:00.000+01:00'],
    [' 12 ', '12'],
  ])('takes %s and %s for one revision', (a, b) => expect(revisionOrder(a)).toBe(revisionOrder(b)));

  it('agrees with numbers for any two integers', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
        const [x, y] = [revisionOrder(String(a)), revisionOrder(String(b))];
        return a < b ? x < y : a > b ? x > y : x === y;
      }),
    );
  });

  it('is bounded and plain for any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => /^[0-9a-z]{1,130}$/.test(revisionOrder(text))));
  });
});
