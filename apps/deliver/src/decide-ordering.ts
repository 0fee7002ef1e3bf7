import type { DestinationOrdering, RoutedEvent } from './deliver.ports.js';

/** A route as it concerns order; `matches` is its compiled type patterns. */
export type OrderedRoute = Readonly<{
  from: ReadonlySet<string>;
  matches(type: string): boolean;
  to: string;
  ordering: 'unordered' | 'latest-wins' | 'strict';
  inbox: Readonly<{ name: string; delayMs: number }> | null;
  onDeadLetter: 'stop' | 'continue';
}>;

/** What the routes to one destination say of order; null: all of them are unordered. The first route that takes an event speaks. */
export function decideOrdering(destination: string, routes: readonly OrderedRoute[]): DestinationOrdering | null {
  const here = routes.filter(({ to }) => to === destination);
  if (here.every(({ ordering }) => ordering === 'unordered')) return null;
  const routeOf = ({ source, type }: RoutedEvent) => here.find(({ from, matches }) => from.has(source) && matches(type)) ?? null;
  return {
    hasStrict: here.some(({ ordering }) => ordering === 'strict'),
    inboxOf: (event) => routeOf(event)?.inbox ?? null,
    continuesAfter: (event) => routeOf(event)?.onDeadLetter === 'continue',
  };
}
