import { typeMatcher, type HoldfastConfig } from '#libs/config/src/index.js';
import { topicNames } from '#libs/domain/src/index.js';
import { dedupeDefaults, type DedupeConfig } from './dedupe.ports.js';

/** Events of a source that the configuration no longer has still lie in the log: they are remembered as long as the longest. */
export function dedupeConfig({ topics, routes, sources }: Pick<HoldfastConfig, 'topics' | 'routes' | 'sources'>): DedupeConfig {
  const windows = new Map(sources.map(({ name, idempotency }) => [name, idempotency.windowMs]));
  const windowMaxMs = Math.max(7 * 24 * 60 * 60 * 1_000, ...windows.values());
  return {
    ...dedupeDefaults,
    topics: topicNames(topics.prefix),
    routes: routes.map(({ from, types, to, ordering }) => ({ from: new Set(from), matches: typeMatcher(types), to, ordering })),
    windowMs: (source) => windows.get(source) ?? windowMaxMs,
    windowMaxMs,
  };
}
