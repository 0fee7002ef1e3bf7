import type { RawFault } from './describe-issue.js';
import type { PathPart } from './yaml-source.js';

/**
 * What the configuration accepts and this version does not do yet. One list, so that nothing is silently ignored: each
 * entry becomes a warning wherever it is written. Whoever builds one of these takes its line away.
 *
 * A path names keys; `*` is any item of a list. `is`: only with this value. `consequence`: what happens instead.
 */
export const NOT_IN_FORCE: readonly NotInForce[] = [
  { path: 'eventTypes.*.schema', consequence: 'bodies are not validated' },
  { path: 'eventTypes.*.owner', consequence: 'nothing shows it yet' },
];

export type NotInForce = Readonly<{ path: string; is?: readonly string[]; consequence: string }>;

const MEND = 'nothing is wrong with it; count on it only when a later version says so';

/** One warning for each place where something of the list is written. */
export function notInForce(written: unknown): RawFault[] {
  return NOT_IN_FORCE.flatMap(({ path, is, consequence }) =>
    placesOf(written, path.split('.'))
      .map(({ path: at, value }) => ({
        at,
        named: [value]
          .flat()
          .map(String)
          .filter((word) => is?.includes(word)),
      }))
      .filter(({ named }) => is === undefined || named.length > 0)
      .map(({ at, named }) => ({
        path: at,
        problem: `${is === undefined ? 'is' : `(${named.join(', ')}) is`} accepted, not in force in this version: ${consequence}`,
        mend: MEND,
      })),
  );
}

type Found = { path: PathPart[]; value: unknown };

function placesOf(value: unknown, pattern: readonly string[], path: PathPart[] = []): Found[] {
  const [next, ...rest] = pattern;
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return [];
  if (next === undefined) return [{ path, value }];
  if (next === '*') return Array.isArray(value) ? value.flatMap((item, n) => placesOf(item, rest, [...path, n])) : [];
  return typeof value === 'object' ? placesOf((value as Record<string, unknown>)[next], rest, [...path, next]) : [];
}
