import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { foldGroups, overForMaxMs, stepOf, type KnownGroups, type NoticeGroup } from './notice-groups.fold.js';

// Goal: a group is told at once, then by growth and age, far less often than it fails, and its end is told.
// Method: tables for the steps; properties over random histories of groups.
const hourMs = 3_600_000;
const group = (over: Partial<NoticeGroup> = {}): NoticeGroup => ({ kind: 'dead-letter', signature: 'a', open: 1, sinceMs: 0, ...over });

describe('the step of a group', () => {
  it.each([
    [1, 0, 0],
    [2, 0, 1],
    [3, 0, 1],
    [4, 0, 2],
    [11, 0, 3],
    [1_000, 0, 9],
    [1, hourMs - 1, 0],
    [1, hourMs, 1],
    [1, 2 * hourMs, 2],
    [1, 24 * hourMs, 5],
    [4, 2 * hourMs, 4],
  ])('%d open for %d ms: %d', (open, ageMs, step) => expect(stepOf(open, ageMs)).toBe(step));

  it('never falls while the group grows and ages, and stays small', () => {
    const natural = fc.integer({ min: 0, max: 10_000_000 });
    fc.assert(
      fc.property(natural, natural, natural, natural, (open, more, ageMs, older) => {
        expect(stepOf(open + more, ageMs + older)).toBeGreaterThanOrEqual(stepOf(open, ageMs));
        expect(stepOf(open, ageMs)).toBeLessThanOrEqual(40);
        expect(stepOf(open, ageMs)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('one look at the groups', () => {
  const look = (known: KnownGroups<NoticeGroup>, groups: readonly NoticeGroup[], nowMs = 0) => {
    const told = foldGroups(known, groups, nowMs);
    const words = told.tellings.map((each) =>
      each.state === 'raised'
        ? `raised ${each.group.kind} ${each.group.signature} ${each.step}`
        : `resolved ${each.group.kind} ${each.group.signature}`,
    );
    return { known: told.known, words };
  };

  it('raises what stands, resolves what stood, and forgets it in the end', () => {
    const first = look(new Map(), [group(), group({ kind: 'invalid', signature: 'b', open: 4 })]);
    expect(first.words).toEqual(['raised dead-letter a 0', 'raised invalid b 2']);
    const second = look(first.known, [group({ open: 2 })], 10);
    expect(second.words).toEqual(['raised dead-letter a 1', 'resolved invalid b']);
    const third = look(second.known, [group({ open: 2 })], 10 + overForMaxMs);
    expect(third.words).toEqual(['raised dead-letter a 2', 'resolved invalid b']);
    expect(look(third.known, [], 11 + overForMaxMs).words).toEqual(['resolved dead-letter a']);
  });

  it('raises a group anew that comes back', () => {
    const { known } = look(look(new Map(), [group()]).known, [], 10);
    expect(look(known, [group({ sinceMs: 20 })], 20).words).toEqual(['raised dead-letter a 0']);
  });

  it('resolves what ended before this process began', () => {
    expect(look(new Map(), [group({ open: 0 })]).words).toEqual(['resolved dead-letter a']);
  });

  it('tells each group once a look: raised exactly when it is open, resolved when it was known and is not', () => {
    const groups = fc.uniqueArray(fc.record({ signature: fc.constantFrom('a', 'b', 'c', 'd'), open: fc.integer({ min: 1, max: 99 }) }), {
      selector: ({ signature }) => signature,
    });
    fc.assert(
      fc.property(fc.array(groups, { maxLength: 8 }), (looks) => {
        let known: KnownGroups<NoticeGroup> = new Map();
        const ever = new Set<string>();
        looks.forEach((open, at) => {
          const { known: next, words } = look(
            known,
            open.map((each) => group(each)),
            at * 10_000,
          );
          for (const { signature } of open) ever.add(signature);
          const expected = [...ever].map(
            (signature) => (open.some((each) => each.signature === signature) ? 'raised' : 'resolved') + signature,
          );
          expect(words.map((word) => word.split(' ')[0]! + word.split(' ')[2]!).sort()).toEqual(expected.sort());
          known = next;
        });
      }),
    );
  });
});
