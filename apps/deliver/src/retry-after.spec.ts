import { expect, it } from '@jest/globals';
import { parseRetryAfter } from './retry-after.js';

const nowMs = Date.parse('Wed, 21 Oct 2026 07:28:00 GMT');

it.each([
  [null, null],
  ['', null],
  ['0', 0],
  ['7', 7_000],
  [' 7 ', 7_000],
  ['1.5', 1_500],
  ['-1', null],
  ['soon', null],
  ['9999999999', null],
  ['Wed, 21 Oct 2026 07:28:30 GMT', 30_000],
  ['Wed, 21 Oct 2026 07:27:00 GMT', 0],
])('Retry-After %j is %j ms', (value, expected) => {
  expect(parseRetryAfter(value, nowMs)).toBe(expected);
});
