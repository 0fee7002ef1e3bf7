import { asText, at } from '#libs/domain/src/index.js';

/**
 * Decides what an answer to a look-up proves (rule 21): found means delivered only if it is *this* change. Pure.
 *
 * A revision at least as high, every configured match equal, or, where each delivery creates a record under an external id of
 * its own, that the record is there at all.
 */
export type LookupExpectation = Readonly<{
  creates: boolean;
  /** Pointer into the answer and the event's own revision as a sortable key; null: not compared. */
  revision: Readonly<{ pointer: string; own: string | null; order: (revision: string) => string }> | null;
  /** Pointer into the answer → what must stand there; null: the event has no such value. */
  match: readonly Readonly<{ pointer: string; value: string | null }>[];
}>;
export type LookupVerdict =
  | Readonly<{ kind: 'found' }>
  | Readonly<{ kind: 'not-found' }>
  | Readonly<{ kind: 'cannot-tell'; reason: string }>
  | Readonly<{ kind: 'no-answer' }>;

const GONE: readonly number[] = [404, 410];

/** `body` null: none was read, or it is no JSON. */
export function decideLookup(status: number, body: Readonly<{ value: unknown }> | null, expected: LookupExpectation): LookupVerdict {
  if (GONE.includes(status)) return { kind: 'not-found' };
  if (status < 200 || status >= 300) return { kind: 'no-answer' };
  const { revision, match, creates } = expected;
  if (!revision && match.length === 0) return creates ? { kind: 'found' } : { kind: 'cannot-tell', reason: 'the look-up compares nothing' };
  if (!body) return { kind: 'cannot-tell', reason: 'the answer to the look-up is not JSON, or too long' };
  for (const { pointer, value } of match) {
    if (value === null) return { kind: 'cannot-tell', reason: `the event has no value to compare with ${pointer} of the look-up` };
    if (asText(at(body.value, pointer)) !== value) return { kind: 'not-found' };
  }
  if (!revision) return { kind: 'found' };
  const theirs = asText(at(body.value, revision.pointer));
  if (revision.own === null) return { kind: 'cannot-tell', reason: 'the event has no revision to compare with the look-up' };
  if (theirs === null) return { kind: 'cannot-tell', reason: `the answer to the look-up has no revision at ${revision.pointer}` };
  return revision.order(theirs) >= revision.order(revision.own) ? { kind: 'found' } : { kind: 'not-found' };
}
