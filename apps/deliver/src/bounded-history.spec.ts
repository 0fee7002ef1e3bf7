import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { HistoryEntry } from '#libs/domain/src/index.js';
import { boundedHistory, historyMax, historyMaxBytes } from './bounded-history.js';

const entry = (attempt: number, over: Partial<HistoryEntry> = {}): HistoryEntry => ({
  attempt,
  class: 'transient',
  status: 500,
  error: null,
  body: null,
  at: attempt,
  tookms: 1,
  rule: 'default',
  stage: null,
  ...over,
});
const bytes = (history: readonly HistoryEntry[]): number =>
  history.reduce((sum, { error, body }) => sum + Buffer.byteLength(error ?? '') + Buffer.byteLength(body ?? ''), 0);

describe('boundedHistory', () => {
  it('leaves a short one as it is', () => {
    const history = [entry(1, { body: 'x' }), entry(2)];
    expect(boundedHistory(history)).toEqual(history);
  });

  it('keeps the first ones and the last ones of a long one', () => {
    const kept = boundedHistory(Array.from({ length: 40 }, (_, n) => entry(n + 1))).map(({ attempt }) => attempt);
    expect(kept).toEqual([1, 2, 3, 4, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40]);
  });

  it('gives up bodies from the older ones in the middle, and keeps what the first and the last said', () => {
    const kept = boundedHistory(Array.from({ length: 12 }, (_, n) => entry(n + 1, { body: `${n + 1}`.padEnd(1_024, '.') })));
    expect(kept.map(({ body }) => body !== null)).toEqual([true, false, false, false, false, true, true, true, true, true, true, true]);
  });

  it('is never larger than its bounds, keeps both ends, and applied again changes nothing', () => {
    const text = fc.option(fc.string({ unit: 'grapheme', maxLength: 9_000 }));
    fc.assert(
      fc.property(fc.array(fc.record({ error: text, body: text }), { maxLength: 40 }), (texts) => {
        const history = texts.map((each, n) => entry(n + 1, each));
        const kept = boundedHistory(history);
        expect(kept.length).toBeLessThanOrEqual(historyMax);
        expect(bytes(kept)).toBeLessThanOrEqual(historyMaxBytes);
        expect([kept[0]?.attempt, kept.at(-1)?.attempt]).toEqual([history[0]?.attempt, history.at(-1)?.attempt]);
        expect(boundedHistory(kept)).toEqual(kept);
      }),
      { numRuns: 100 },
    );
  });
});
