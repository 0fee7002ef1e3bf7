import { checkDestinations, checkUrl } from './check-destinations.js';
import { checkSources, type Check } from './check-sources.js';
import { checkTransforms } from './check-transforms.js';
import type { CompleteConfig } from './complete-config.js';
import { isAllowEntry, outboundGuard } from './outbound.js';
import { nearest } from './says.js';
import { durationMs } from './units.js';
import type { PathPart } from './yaml-source.js';

/** Names that exist although their items are too broken to be looked at. */
export type AlsoNamed = Readonly<{ sources: readonly string[]; destinations: readonly string[] }>;

/** Everything that can be seen only in the whole. Pure: files and secrets are looked at elsewhere. */
export function checkConfig(config: CompleteConfig, alsoNamed: AlsoNamed = { sources: [], destinations: [] }): Check {
  const found: Check = { faults: [], warnings: [] };
  checkNames(config, found);
  checkRoutes(config, alsoNamed, found);
  checkTop(config, found);
  for (const part of [checkSources(config), checkDestinations(config), checkTransforms(config)]) {
    found.faults.push(...part.faults);
    found.warnings.push(...part.warnings);
  }
  return found;
}

function checkNames(config: CompleteConfig, { faults }: Check): void {
  for (const list of ['sources', 'destinations', 'alerts'] as const) {
    const seen = new Set<string>();
    config[list].forEach(({ name }, index) => {
      const path = [list, index, 'name'];
      // Case alone does not tell two apart: not to people, and not in every metric and file system.
      if (seen.has(name.toLowerCase()))
        faults.push({ path, problem: `is a name that another of the ${list} has`, mend: 'give it a name of its own' });
      seen.add(name.toLowerCase());
    });
  }
  const types = new Set<string>();
  config.eventTypes.forEach(({ type }, index) => {
    if (types.has(type))
      faults.push({ path: ['eventTypes', index, 'type'], problem: 'stands in the list before', mend: 'keep one of them' });
    types.add(type);
  });
}

function checkRoutes(config: CompleteConfig, alsoNamed: AlsoNamed, { faults }: Check): void {
  const sources = [...config.sources.map(({ name }) => name), ...alsoNamed.sources];
  const destinations = [...config.destinations.map(({ name }) => name), ...alsoNamed.destinations];
  const unknown = (word: string, known: string[], what: string) => {
    const meant = nearest(word, known);
    return {
      problem: `names no ${what} that exists`,
      mend: meant ? `did you mean ${meant}?` : `use one of ${known.join(', ') || `none: there is no ${what} yet`}`,
    };
  };
  config.routes.forEach((route, index) => {
    route.from.forEach((from, n) => {
      if (!sources.includes(from)) faults.push({ path: ['routes', index, 'from', n], ...unknown(from, sources, 'source') });
    });
    if (!destinations.includes(route.to)) faults.push({ path: ['routes', index, 'to'], ...unknown(route.to, destinations, 'destination') });
    if (route.coalesce !== undefined && route.ordering !== 'latest-wins') {
      faults.push({
        path: ['routes', index, 'coalesce'],
        problem: `drops overtaken events, which ${route.ordering} does not allow`,
        mend: 'write ordering: latest-wins, or take it out',
      });
    }
    if (route.onDeadLetter !== undefined && route.ordering !== 'strict') {
      faults.push({
        path: ['routes', index, 'onDeadLetter'],
        problem: `says what becomes of later events of an entity, which ${route.ordering} never holds back`,
        mend: 'write ordering: strict, or take it out',
      });
    }
    checkWindow(route, ['routes', index, 'coalesce'], config, faults);
  });
}

/** A window is a delay line like any tier. */
function checkWindow(
  { coalesce }: CompleteConfig['routes'][number],
  path: PathPart[],
  { topics }: CompleteConfig,
  faults: Check['faults'],
): void {
  if (coalesce === undefined) return;
  const text = typeof coalesce === 'string' ? coalesce : coalesce.window;
  const kept = typeof topics.retention.retry === 'string' ? topics.retention.retry : topics.retention.retry.time;
  if (durationMs(text) < 1) faults.push({ path, problem: 'is no window at all', mend: 'write a duration above zero, such as 10s' });
  if (durationMs(text) >= durationMs(kept))
    faults.push({
      path,
      problem: `is longer than its delay line is kept (${kept})`,
      mend: 'shorten it, or lengthen topics.retention.retry',
    });
}

function checkTop(config: CompleteConfig, found: Check): void {
  const { faults } = found;
  config.outbound.allow.forEach((entry, n) => {
    if (isAllowEntry(entry)) return;
    faults.push({
      path: ['outbound', 'allow', n],
      problem: 'is neither a network, an address nor a host name',
      mend: 'write such as 10.20.0.0/16, 10.20.0.7 or partner.internal',
    });
  });
  const guard = outboundGuard({ dev: config.environment === 'dev', allow: config.outbound.allow });
  config.alerts.forEach(({ webhook }, index) => checkUrl(webhook.url, ['alerts', index, 'webhook', 'url'], guard, found));
  checkTiers(config, found);
  checkTopics(config, found);
}

function checkTiers({ retry, topics }: CompleteConfig, { faults }: Check): void {
  const kept = typeof topics.retention.retry === 'string' ? topics.retention.retry : topics.retention.retry.time;
  retry.tiers.forEach((tier, n) => {
    const path = ['retry', 'tiers', n];
    if (durationMs(tier) < 1) faults.push({ path, problem: 'is no wait at all', mend: 'write a duration above zero, such as 30s' });
    if (retry.tiers.slice(0, n).some((earlier) => durationMs(earlier) === durationMs(tier)))
      faults.push({ path, problem: 'is a delay line that stands in the list before', mend: 'take it out' });
    if (durationMs(tier) >= durationMs(kept))
      faults.push({ path, problem: `is longer than its topic is kept (${kept})`, mend: 'shorten it, or lengthen topics.retention.retry' });
  });
}

/** Rule 9: durability is not left to chance. */
function checkTopics({ topics, singleNode }: CompleteConfig, { faults }: Check): void {
  if (!singleNode && topics.replication < 3)
    faults.push({
      path: ['topics', 'replication'],
      problem: 'is less than 3: a lost broker could lose what was acknowledged',
      mend: 'write 3, or singleNode: true on a machine for trials',
    });
  if (!singleNode && topics.minInSyncReplicas < 2)
    faults.push({
      path: ['topics', 'minInSyncReplicas'],
      problem: 'is less than 2: an acknowledged record could stand on one broker only',
      mend: 'write 2, or singleNode: true on a machine for trials',
    });
  if (topics.minInSyncReplicas > topics.replication && (singleNode || topics.replication >= 3))
    faults.push({
      path: ['topics', 'minInSyncReplicas'],
      problem: 'is more than there are replicas: nothing could be written',
      mend: `write ${topics.replication} at most`,
    });
  checkKept(topics.retention, faults);
}

/** Which dead letters have left stands in hf.commands alone: where it was forgotten, one could leave again (rule 26). */
function checkKept({ commands, dlq, invalid }: CompleteConfig['topics']['retention'], faults: Check['faults']): void {
  const timeOf = (kept: typeof dlq): string => (typeof kept === 'string' ? kept : kept.time);
  const longest = durationMs(timeOf(dlq)) > durationMs(timeOf(invalid)) ? timeOf(dlq) : timeOf(invalid);
  if (durationMs(timeOf(commands)) >= durationMs(longest)) return;
  faults.push({
    path: ['topics', 'retention', 'commands'],
    problem: `is shorter than dead letters are kept (${longest}): one that was requeued could be requeued again`,
    mend: `write ${longest} or longer`,
  });
}
