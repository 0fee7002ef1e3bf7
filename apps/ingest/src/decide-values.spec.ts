import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, lookUp, planValue, pointerTokens, readText } from './decide-values.js';

const document = { 'a/b': 1, 'm~n': 2, '': 3, list: [10, { x: 'deep' }], nothing: null, object: {}, yes: true };

describe('pointers', () => {
  const rows: [pointer: string, found: unknown][] = [
    ['/a~1b', 1],
    ['/m~0n', 2],
    ['/', 3],
    ['/list/0', 10],
    ['/list/1/x', 'deep'],
    ['/list/2', undefined],
    ['/list/01', undefined],
    ['/list/-', undefined],
    ['/list/length', undefined],
    ['/yes/x', undefined],
    ['/nothing/x', undefined],
    ['/__proto__/toString', undefined],
    ['/constructor', undefined],
  ];
  for (const [pointer, found] of rows) {
    it(`${pointer} finds ${String(found)}`, () => expect(lookUp(document, pointerTokens(pointer))).toBe(found));
  }

  it('the empty pointer finds the whole', () => expect(lookUp(document, pointerTokens(''))).toBe(document));

  it('undoes ~01 in the order of the standard', () => expect(pointerTokens('/~01')).toEqual(['~1']));
});

describe('readText', () => {
  const read = (value: unknown, maxChars = 10) =>
    readText(planValue({ kind: 'pointer', pointer: '/v' }), { value: { v: value }, header: () => undefined }, { name: 'id', maxChars });

  it('makes one text of equal numbers', () => {
    expect([1, 1.0, -0, 1e3, true, 123456789012345680n].map((value) => read(value, 30).text)).toEqual([
      '1',
      '1',
      '0',
      '1000',
      'true',
      '123456789012345680',
    ]);
  });

  it('counts nothing, null and empty text as absent', () => {
    for (const value of [undefined, null, '']) expect(read(value)).toEqual({ text: null, fault: null });
  });

  it('says what cannot be a name, and where', () => {
    expect(read({}).fault).toMatchObject({ pointer: '/v', code: 'not-a-scalar' });
    expect(read([1]).fault).toMatchObject({ code: 'not-a-scalar' });
    expect(read('x'.repeat(11)).fault).toMatchObject({ code: 'too-long' });
    expect(read('a\u0000b').fault).toMatchObject({ code: 'unprintable' });
    expect(read('a\nb').fault).toMatchObject({ code: 'unprintable' });
    expect(read('\ud800').fault).toMatchObject({ code: 'unprintable' });
    expect(read('x'.repeat(10)).text).toBe('x'.repeat(10));
  });

  it('reads headers and literals', () => {
    const place = { value: undefined, header: (name: string) => (name === 'x-a' ? 'one' : undefined) };
    expect(readText({ kind: 'header', name: 'x-a' }, place, { name: 'id', maxChars: 9 }).text).toBe('one');
    expect(readText({ kind: 'header', name: 'x-b' }, place, { name: 'id', maxChars: 9 }).text).toBe(null);
    expect(readText({ kind: 'literal', value: 'push' }, place, { name: 'id', maxChars: 9 }).text).toBe('push');
  });
});

describe('canonicalJson', () => {
  it('does not depend on the order of keys, and differs where the values do', () => {
    expect(canonicalJson({ b: [1, { d: 1, c: null }], a: 'x' })).toBe(canonicalJson({ a: 'x', b: [1, { c: null, d: 1 }] }));
    expect(canonicalJson({ a: 1 })).not.toBe(canonicalJson({ a: '1' }));
    expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
  });

  it('is equal for values that are equal, and only for those', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(value, value, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        if (same) expect(canonicalJson(a)).toBe(canonicalJson(b));
        expect(JSON.stringify(JSON.parse(canonicalJson(a)))).toBe(JSON.stringify(JSON.parse(canonicalJson(JSON.parse(JSON.stringify(a))))));
      }),
    );
  });
});
