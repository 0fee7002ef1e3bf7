import { describe, expect, it } from '@jest/globals';
import type { AnswerTest } from '#libs/config/src/index.js';
import { decideClass } from '#libs/delivery/src/index.js';
import { answerKeeper, answerRules, needsOf } from './answers.js';

// Goal: what a rule compares and what is kept of an answer. Method: one row = test and value → fits.
const fits = (test: AnswerTest, body: string | null): boolean => {
  const classify = answerRules([{ statuses: null, header: null, body: { pointer: '/v', test }, as: 'business' }]);
  const unknown = { resolve: 'hold', statuses: [] } as const;
  return decideClass({ kind: 'responded', status: 200, retryAfterMs: null, body }, { classify, unknown }).class === 'business';
};
const oneOf = (...values: string[]): AnswerTest => ({ kind: 'in', values });
const matches = (pattern: string): AnswerTest => ({ kind: 'matches', pattern });

describe('answerRules', () => {
  it.each<[string, AnswerTest, string | null, boolean]>([
    ['a text', oneOf('no'), '{"v":"no"}', true],
    ['a number as it is written', oneOf('12'), '{"v":12}', true],
    ['a number beyond 2^53', oneOf('9007199254740993'), '{"v":9007199254740993}', true],
    ['true', oneOf('true'), '{"v":true}', true],
    ['one of several', oneOf('a', 'b'), '{"v":"b"}', true],
    ['another', oneOf('a', 'b'), '{"v":"c"}', false],
    ['an object is no text', oneOf('[object Object]'), '{"v":{}}', false],
    ['null is no text', oneOf('null'), '{"v":null}', false],
    ['nothing there', oneOf(''), '{}', false],
    ['a part of it', matches('E-4[0-9]+'), '{"v":"failed: E-412"}', true],
    ['anchored', matches('^E-4'), '{"v":"failed: E-412"}', false],
    ['no text to look at', matches('.*'), '{"v":{}}', false],
    ['something is there', { kind: 'exists', exists: true }, '{"v":null}', true],
    ['nothing is there', { kind: 'exists', exists: true }, '{}', false],
    ['nothing may be there', { kind: 'exists', exists: false }, '{}', true],
    ['nothing is in what is no JSON', { kind: 'exists', exists: false }, 'busy', true],
  ])('%s', (_name, test, body, expected) => {
    expect(fits(test, body)).toBe(expected);
  });

  it('looks at a hostile text in linear time, and at its beginning only', () => {
    const startedMs = performance.now();
    expect(fits(matches('(a+)+$'), JSON.stringify({ v: `${'a'.repeat(60_000)}b` }))).toBe(true);
    expect(fits(matches('(x+x+)+y'), JSON.stringify({ v: 'x'.repeat(60_000) }))).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});

describe('needsOf', () => {
  const answer = { keepMaxBytes: 1_024, mask: [] };
  it('reads no more of an answer than somebody looks at', () => {
    expect(needsOf({ classify: [], answer })).toEqual({ needsBody: false, keepMaxBytes: 1_024, answerHeaders: [] });
    const header = { name: 'x-a', test: oneOf('1') };
    expect(needsOf({ classify: [{ statuses: null, header, body: null, as: 'auth' }], answer })).toMatchObject({
      needsBody: false,
      keepMaxBytes: 1_024,
      answerHeaders: ['x-a'],
    });
    const body = { pointer: '/a', test: oneOf('1') };
    expect(needsOf({ classify: [{ statuses: null, header: null, body, as: 'auth' }], answer })).toMatchObject({
      needsBody: true,
      keepMaxBytes: 65_536,
    });
    expect(needsOf({ classify: [], answer: { ...answer, mask: ['/a'] } })).toMatchObject({ needsBody: false, keepMaxBytes: 65_536 });
  });
});

describe('answerKeeper', () => {
  it('cuts at bytes, and leaves no half character', () => {
    expect(answerKeeper({ keepMaxBytes: 4, mask: [] })('aüüü')).toBe('aü');
    expect(answerKeeper({ keepMaxBytes: 400, mask: [] })('aüüü')).toBe('aüüü');
  });

  it('masks before it cuts, in every item of a list', () => {
    const keep = answerKeeper({ keepMaxBytes: 1_024, mask: ['/token', '/items/*/key', '/a~1b', '/none/x'] });
    expect(keep('{"token":{"t":1},"items":[{"key":"k","n":1},{"n":2}],"a/b":"s","c":1}')).toBe(
      '{"token":"[masked]","items":[{"key":"[masked]","n":1},{"n":2}],"a/b":"[masked]","c":1}',
    );
  });

  it('keeps nothing of what it cannot mask', () => {
    expect(answerKeeper({ keepMaxBytes: 1_024, mask: ['/token'] })('{"token":"secr')).not.toContain('secr');
  });
});
