import { describe, expect, it } from '@jest/globals';
import { decideBulkAnswer, type BulkResults } from './decide-bulk-answer.js';

// Goal: each item of a bulk request learns what became of it, and what nobody says is unknown. The answers are such as partners give.
const results = (over: Partial<BulkResults> = {}): BulkResults => ({
  pointer: '/items',
  names: { kind: 'id', pointer: '/id' },
  status: '/status',
  statuses: {},
  error: null,
  lists: 'all',
  ...over,
});
const byId = results();
const byIndex = results({ names: { kind: 'index', pointer: '/at' } });
const inOrder = results({ pointer: '', names: { kind: 'order' }, status: '/success' });
const failures = results({ lists: 'failures', status: null, error: '/why' });
const json = JSON.stringify;

describe('decideBulkAnswer', () => {
  it.each<[string, number, string | null, BulkResults | null, readonly string[]]>([
    ['no rule, taken', 200, 'ok', null, ['whole', 'whole', 'whole']],
    ['no rule, refused for one of them', 422, '{}', null, ['again', 'again', 'again']],
    ['no rule, too large', 413, null, null, ['again', 'again', 'again']],
    ['no rule, throttled', 429, '{}', null, ['whole', 'whole', 'whole']],
    ['no rule, broken', 500, '{}', null, ['whole', 'whole', 'whole']],
    ['no rule, unauthorized', 401, '{}', null, ['whole', 'whole', 'whole']],
    [
      'by id, in another order',
      207,
      json({
        items: [
          { id: 'c', status: 409 },
          { id: 'a', status: 201 },
          { id: 'b', status: 200 },
        ],
      }),
      byId,
      ['201', '200', '409'],
    ],
    [
      'by id, one missing',
      200,
      json({
        items: [
          { id: 'a', status: 200 },
          { id: 'b', status: 200 },
        ],
      }),
      byId,
      ['200', '200', 'untold'],
    ],
    [
      'by id, one without a status',
      200,
      json({ items: [{ id: 'a', status: 200 }, { id: 'b' }, { id: 'c', status: 'odd' }] }),
      byId,
      ['200', 'untold', 'untold'],
    ],
    [
      'by id, strangers',
      200,
      json({
        items: [
          { id: 'x', status: 422 },
          { id: 'a', status: 200 },
        ],
      }),
      byId,
      ['200', 'untold', 'untold'],
    ],
    ['by id, a number for a name', 200, json({ items: [{ id: 1, status: 200 }] }), byId, ['untold', 'untold', 'untold']],
    [
      'by place',
      207,
      json({
        items: [
          { at: 2, status: 422 },
          { at: 0, status: 200 },
          { at: 1, status: '503' },
        ],
      }),
      byIndex,
      ['200', '503', '422'],
    ],
    ['by an empty place, which is not the first', 200, json({ items: [{ at: '', status: 422 }] }), byIndex, ['untold', 'untold', 'untold']],
    ['by a place that is not there', 200, json({ items: [{ at: 7, status: 422 }] }), byIndex, ['untold', 'untold', 'untold']],
    ['in order, true and false', 200, json([{ success: true }, { success: false }, { success: true }]), inOrder, ['200', '422', '200']],
    ['in order, too few', 200, json([{ success: true }]), inOrder, ['untold', 'untold', 'untold']],
    [
      'words',
      200,
      json({
        items: [
          { id: 'a', status: 'OK' },
          { id: 'b', status: 'RETRY' },
        ],
      }),
      results({ statuses: { OK: 200, RETRY: 503 } }),
      ['200', '503', 'untold'],
    ],
    ['failures alone', 200, json({ items: [{ id: 'b', why: 'no article' }] }), failures, ['whole', '422', 'whole']],
    ['no failures', 200, json({ items: [] }), failures, ['whole', 'whole', 'whole']],
    ['failures, none listed', 204, null, failures, ['whole', 'whole', 'whole']],
    ['failures, another shape', 200, json({ items: 'three' }), failures, ['untold', 'untold', 'untold']],
    ['failures, cut off', 200, '{"items":[{"id', failures, ['untold', 'untold', 'untold']],
    ['taken, and nothing said', 200, null, byId, ['untold', 'untold', 'untold']],
    ['refused, with the culprit named', 422, json({ items: [{ id: 'b', status: 422 }] }), byId, ['again', '422', 'again']],
    ['refused, nobody named', 422, json({ error: 'bad' }), byId, ['again', 'again', 'again']],
    ['broken, though some are told', 500, json({ items: [{ id: 'a', status: 200 }] }), byId, ['200', 'whole', 'whole']],
  ])('%s', (_name, status, body, rule, expected) => {
    const answers = decideBulkAnswer({ status, body }, ['a', 'b', 'c'], { results: rule, atomic: true });
    const words = answers.map((one) => (one.kind === 'answered' ? String(one.status) : one.kind === 'as-a-whole' ? 'whole' : one.kind));
    expect(words).toEqual(expected);
  });

  it('a refused request of one is refused: nothing is left to send without', () => {
    expect(decideBulkAnswer({ status: 422, body: null }, ['a'], { results: null, atomic: true })).toEqual([{ kind: 'as-a-whole' }]);
    expect(decideBulkAnswer({ status: 422, body: '{}' }, ['a'], { results: byId, atomic: true })).toEqual([{ kind: 'as-a-whole' }]);
  });

  it('sends nothing again where a refused request may have taken some: who is not named is unknown', () => {
    const kinds = (status: number, body: string | null, rule: typeof byId | null, keys = ['a', 'b']) =>
      decideBulkAnswer({ status, body }, keys, { results: rule, atomic: false }).map(({ kind }) => kind);
    expect(kinds(422, null, null)).toEqual(['untold', 'untold']);
    expect(kinds(400, '{}', byId)).toEqual(['untold', 'untold']);
    expect(kinds(422, null, null, ['a'])).toEqual(['as-a-whole']);
    expect(kinds(503, null, null)).toEqual(['as-a-whole', 'as-a-whole']);
    expect(kinds(200, null, null)).toEqual(['as-a-whole', 'as-a-whole']);
  });

  it('keeps what was said of the item', () => {
    const body = json({
      items: [
        { id: 'a', why: 'no article' },
        { id: 'b', why: { code: 7 } },
      ],
    });
    const said = decideBulkAnswer({ status: 200, body }, ['a', 'b'], { results: failures, atomic: true });
    expect(said).toEqual([
      { kind: 'answered', status: 422, body: 'no article' },
      { kind: 'answered', status: 422, body: '{"code":7}' },
    ]);
  });
});
