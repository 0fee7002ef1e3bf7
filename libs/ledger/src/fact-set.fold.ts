import type { Fact } from '#libs/domain/src/index.js';

/** What makes two records the same fact: who says what of which record. Its time and wording may differ. */
const identity = (fact: Fact): string =>
  JSON.stringify([
    fact.eventposition,
    fact.fact,
    fact.position,
    fact.destination,
    fact.delivery,
    fact.hop,
    fact.attempt,
    fact.verdict,
    fact.by,
  ]);

/**
 * Facts as a set: a fact that was told twice stands once, and the order is the same whatever order they came in (rule 27).
 * Of two tellings the earlier stays, and at one time the one that sorts first, so that the choice does not depend on the order either.
 */
export function factSet(facts: readonly Fact[]): Fact[] {
  const byIdentity = new Map<string, Fact>();
  for (const fact of facts) {
    const key = identity(fact);
    const known = byIdentity.get(key);
    if (!known || isBefore(fact, known)) byIdentity.set(key, fact);
  }
  return [...byIdentity.entries()].sort(([a, x], [b, y]) => x.at - y.at || (a < b ? -1 : 1)).map(([, fact]) => fact);
}

const isBefore = (a: Fact, b: Fact): boolean => a.at < b.at || (a.at === b.at && JSON.stringify(a) < JSON.stringify(b));
