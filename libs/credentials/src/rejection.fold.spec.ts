import { describe, expect, it } from '@jest/globals';
import { foldRejection, limitOf, noRejection, type Rejection, type RejectionEvent } from './rejection.fold.js';

const waitMs = (count: number): number => count * 1_000;
const rejected = (atMs: number): RejectionEvent => ({ kind: 'rejected', atMs, status: 403, waitMs });
const after = (...events: RejectionEvent[]): Rejection => events.reduce<Rejection>(foldRejection, noRejection);

describe('foldRejection', () => {
  it.each<[string, RejectionEvent[], object, number]>([
    ['nothing', [], { kind: 'none' }, Infinity],
    ['a rejection holds', [rejected(100)], { kind: 'held', count: 1, sinceMs: 100, untilMs: 1_100, status: 403 }, 0],
    ['before its time nothing changes', [rejected(100), { kind: 'time', nowMs: 1_099 }], { kind: 'held', untilMs: 1_100 }, 0],
    ['its time lets one through', [rejected(100), { kind: 'time', nowMs: 1_100 }], { kind: 'probing', count: 1, sinceMs: 100 }, 1],
    ['another secret lets one through at once', [rejected(100), { kind: 'secret-changed' }], { kind: 'probing', count: 1 }, 1],
    [
      'the canary rejected holds for longer, since the beginning',
      [rejected(100), { kind: 'time', nowMs: 1_100 }, rejected(1_200)],
      { kind: 'held', count: 2, sinceMs: 100, untilMs: 3_200 },
      0,
    ],
    ['the canary accepted opens', [rejected(100), { kind: 'secret-changed' }, { kind: 'accepted' }], { kind: 'none' }, Infinity],
    [
      'time and secrets mean nothing to one that is fine',
      [{ kind: 'time', nowMs: 9 }, { kind: 'secret-changed' }],
      { kind: 'none' },
      Infinity,
    ],
  ])('%s', (_, events, state, limit) => {
    expect(after(...events)).toMatchObject(state);
    expect(limitOf(after(...events))).toBe(limit);
  });
});
