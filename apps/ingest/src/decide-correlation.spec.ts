import { describe, expect, it } from '@jest/globals';
import { readTraceparent, wellFormedCorrelationId } from './decide-correlation.js';

describe('the correlation id', () => {
  const rows: [text: string | undefined, taken: boolean][] = [
    ['abcd.EF_1-2', true],
    ['12345678', true],
    ['x'.repeat(128), true],
    ['1234567', false],
    ['x'.repeat(129), false],
    ['with space', false],
    ['line\nbreak', false],
    ['ünïcode-id', false],
    ['', false],
    [undefined, false],
  ];
  for (const [text, taken] of rows)
    it(`${JSON.stringify(text)?.slice(0, 20)} is ${taken ? 'taken over' : 'replaced'}`, () =>
      expect(wellFormedCorrelationId(text)).toBe(taken));
});

describe('the traceparent', () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const good = `00-${trace}-00f067aa0ba902b7-01`;
  const rows: [text: string | undefined, read: string | null][] = [
    [good, good],
    [`cc-${trace}-00f067aa0ba902b7-01`, good],
    [`cc-${trace}-00f067aa0ba902b7-01-what-the-future-holds`, good],
    [`${good}-more`, null],
    [`ff-${trace}-00f067aa0ba902b7-01`, null],
    [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, null],
    [`00-${trace}-${'0'.repeat(16)}-01`, null],
    [good.toUpperCase(), null],
    [good.slice(0, -1), null],
    ['', null],
    [undefined, null],
  ];
  for (const [text, read] of rows)
    it(`${text ?? 'absent'} is read as ${read ?? 'nothing'}`, () => expect(readTraceparent(text)).toBe(read));
});
