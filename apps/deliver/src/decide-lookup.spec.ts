import { describe, expect, it } from '@jest/globals';
import { revisionOrder } from '#libs/identity/src/index.js';
import { decideLookup, type LookupExpectation } from './decide-lookup.js';

// Goal: found means delivered only if it is this change (rule 21). Method: one row = answer and expectation → verdict.
const none: LookupExpectation = { creates: false, revision: null, match: [] };
const revision = (own: string | null): LookupExpectation => ({ ...none, revision: { pointer: '/v', own, order: revisionOrder } });
const match = (value: string | null): LookupExpectation => ({ ...none, match: [{ pointer: '/a/b~1c', value }] });
const body = (value: unknown) => ({ value });

describe('decideLookup', () => {
  it.each<[string, number, { value: unknown } | null, LookupExpectation, string]>([
    ['404', 404, null, revision('3'), 'not-found'],
    ['410', 410, null, revision('3'), 'not-found'],
    ['500 says nothing', 500, null, revision('3'), 'no-answer'],
    ['302 says nothing', 302, null, revision('3'), 'no-answer'],
    ['401 says nothing', 401, null, revision('3'), 'no-answer'],
    ['the same revision', 200, body({ v: 3 }), revision('3'), 'found'],
    ['a higher one, as a number', 200, body({ v: '10' }), revision('9'), 'found'],
    ['a lower one is another change', 200, body({ v: 2 }), revision('3'), 'not-found'],
    ['no revision in the answer', 200, body({}), revision('3'), 'cannot-tell'],
    ['no revision in the event', 200, body({ v: 3 }), revision(null), 'cannot-tell'],
    ['no JSON', 200, null, revision('3'), 'cannot-tell'],
    ['a match', 200, body({ a: { 'b/c': 'x' } }), match('x'), 'found'],
    ['another value', 200, body({ a: { 'b/c': 'y' } }), match('x'), 'not-found'],
    ['nothing there', 200, body({ a: 1 }), match('x'), 'not-found'],
    ['the event has nothing to compare', 200, body({ a: { 'b/c': 'x' } }), match(null), 'cannot-tell'],
    [
      'match and revision: both',
      200,
      body({ a: { 'b/c': 'x' }, v: 3 }),
      { ...match('x'), ...{ revision: revision('4').revision } },
      'not-found',
    ],
    ['a creation is found by being there', 200, null, { ...none, creates: true }, 'found'],
    ['nothing to compare', 200, body({}), none, 'cannot-tell'],
  ])('%s', (_name, status, answer, expected, kind) => {
    expect(decideLookup(status, answer, expected).kind).toBe(kind);
  });
});
