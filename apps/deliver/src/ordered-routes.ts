import { typeMatcher, type HoldfastConfig } from '#libs/config/src/index.js';
import { decideOrdering, type OrderedRoute } from './decide-ordering.js';
import type { Destination } from './deliver.ports.js';

type Routes = Pick<HoldfastConfig, 'routes' | 'retry'>;

const orderedRoutes = ({ routes, retry }: Routes): OrderedRoute[] =>
  routes.map(({ from, types, to, ordering, coalesceMs, onDeadLetter }) => ({
    from: new Set(from),
    matches: typeMatcher(types),
    to,
    ordering,
    inbox: retry.tiers.find(({ delayMs }) => delayMs === coalesceMs) ?? null,
    onDeadLetter,
  }));

/** Of one destination; nothing where all its routes are unordered. */
export function orderingOf(destination: string, config: Routes): Pick<Destination, 'ordering'> {
  const ordering = decideOrdering(destination, orderedRoutes(config));
  return ordering ? { ordering } : {};
}
