import type { Ordering } from '#libs/domain/src/index.js';

/** One route of the configuration; `matches` is its compiled type patterns (`*` takes any run of characters, dots included). */
export type Route = Readonly<{ from: ReadonlySet<string>; matches(type: string): boolean; to: string; ordering: Ordering }>;
export type Way = Readonly<{ destination: string; ordering: Ordering }>;

/**
 * Where an event of this source and type goes: each destination once, by the first route in the order of the configuration that
 * takes it there. Empty: unrouted.
 */
export function decideRoutes(routes: readonly Route[], { source, type }: Readonly<{ source: string; type: string }>): readonly Way[] {
  const ways = new Map<string, Way>();
  for (const { from, matches, to, ordering } of routes) {
    if (!ways.has(to) && from.has(source) && matches(type)) ways.set(to, { destination: to, ordering });
  }
  return [...ways.values()];
}

/** {@link decideRoutes} with a memory: sources and types are few. Bounded, since types come from senders. */
export function rememberRoutes(
  routes: readonly Route[],
  pairsMax = 10_000,
): (of: Readonly<{ source: string; type: string }>) => readonly Way[] {
  const known = new Map<string, readonly Way[]>();
  return (of) => {
    const key = `${of.source}\0${of.type}`;
    let ways = known.get(key);
    if (!ways) {
      ways = decideRoutes(routes, of);
      if (known.size >= pairsMax) known.clear();
      known.set(key, ways);
    }
    return ways;
  };
}
