import type { CompleteConfig, CompleteDestination } from './complete-config.js';
import { checkLimits } from './check-limits.js';
import { checkBatch } from './check-batch.js';
import type { Check } from './check-sources.js';
import { checkStages } from './check-stages.js';
import { outboundGuard, type OutboundGuard } from './outbound.js';
import { durationMs } from './units.js';
import type { PathPart } from './yaml-source.js';

type At = readonly PathPart[];
const SECRET_HEADER = /^(authorization|proxy-authorization|cookie)$|token|secret|passw|api-?key/i;
/** Set by us on every delivery; a second one would contradict. */
const OWN_HEADERS = [
  'x-correlation-id',
  'x-holdfast-event-id',
  'x-holdfast-attempt',
  'traceparent',
  'idempotency-key',
  'content-length',
  'host',
  'transfer-encoding',
  'connection',
];

/** One in 100 s: slower, and a delivery would be held up by its budget rather than by its partner. */
const budgetLeastPerSecond = 0.01;

/** Checks of destinations that need more than one key to see. */
export function checkDestinations(config: CompleteConfig): Check {
  const found: Check = { faults: [], warnings: [] };
  const guard = outboundGuard({ dev: config.environment === 'dev', allow: config.outbound.allow });
  config.destinations.forEach((destination, index) => {
    const at = ['destinations', index];
    checkUrls(destination, at, guard, found);
    checkHeaders(destination, at, found);
    checkOAuth(destination, at, config, found);
    checkTiers(destination, at, config, found);
    checkBudget(destination, at, found);
    checkBatch(destination, at, found);
    checkLookup(destination, at, found);
    checkStages(destination, at, found);
    checkLimits(destination, at, found);
    checkWhatRoutesBring(destination, at, config, found);
  });
  return found;
}

/** Whether the host may be called at all. */
export function checkUrl(text: string, at: At, guard: OutboundGuard, { faults }: Check): void {
  const { hostname } = new URL(text.replace(/\{[^{}]*\}/g, 'x'));
  if (guard.allowsHost(hostname)) return;
  const mend = `call a public address, or add ${hostname.replace(/^\[|\]$/g, '')} (or its network) to outbound.allow; environment: dev allows all`;
  faults.push({ path: at, problem: 'is on a private network', mend });
}

function checkUrls({ http, proxy, unknown, auth, breaker }: CompleteDestination, at: At, guard: OutboundGuard, found: Check): void {
  checkUrl(http.url, [...at, 'http', 'url'], guard, found);
  if (proxy) checkUrl(proxy.url, [...at, 'proxy', 'url'], guard, found);
  if (proxy?.password && !proxy.username)
    found.faults.push({ path: [...at, 'proxy', 'password'], problem: 'has no user', mend: 'add proxy.username' });
  if (unknown.lookup) checkUrl(unknown.lookup.url, [...at, 'unknown', 'lookup', 'url'], guard, found);
  if (auth?.oauth2) checkUrl(auth.oauth2.tokenUrl, [...at, 'auth', 'oauth2', 'tokenUrl'], guard, found);
  if (breaker.probe.url) checkUrl(breaker.probe.url, [...at, 'breaker', 'probe', 'url'], guard, found);
}

function checkHeaders({ http }: CompleteDestination, at: At, { faults }: Check): void {
  for (const [name, value] of Object.entries(http.headers)) {
    const path = [...at, 'http', 'headers', name];
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
      faults.push({
        path,
        problem: 'cannot be sent as a header',
        mend: 'use letters, digits and - in its name, and no line break in its value',
      });
    } else if (SECRET_HEADER.test(name)) {
      faults.push({
        path,
        problem: 'looks like a secret, and secrets are never literals',
        mend: 'take it out and give it as auth: { header: { name, value: { file } } } or auth: { bearer: { token: { file } } }',
      });
    } else if (OWN_HEADERS.includes(name.toLowerCase())) {
      faults.push({ path, problem: 'is set by Holdfast on every delivery', mend: 'take it out' });
    }
  }
}

/** A rotated refresh token is the only one that works: it must outlive the process. A secret does not travel in the clear. */
function checkOAuth(
  { auth }: CompleteDestination,
  at: At,
  { credentials, environment }: CompleteConfig,
  { faults, warnings }: Check,
): void {
  if (!auth?.oauth2) return;
  const { grant, tokenUrl } = auth.oauth2;
  if (grant === 'refresh_token' && credentials.tokenKeys === undefined) {
    faults.push({
      path: [...at, 'auth', 'oauth2', 'grant'],
      problem: 'brings refresh tokens that nothing would keep',
      mend: 'add credentials: { tokenKeys: [{ file: … }] }: it seals them in Redis',
    });
  }
  if (tokenUrl.startsWith('http:') && environment !== 'dev') {
    warnings.push({
      path: [...at, 'auth', 'oauth2', 'tokenUrl'],
      problem: 'sends secrets unencrypted',
      mend: 'use https, unless something beside this process encrypts it',
    });
  }
}

function checkTiers({ retry }: CompleteDestination, at: At, config: CompleteConfig, { faults }: Check): void {
  const lines = config.retry.tiers.map(durationMs);
  retry.tiers.forEach((tier, n) => {
    if (lines.includes(durationMs(tier))) return;
    const mend = `add ${tier} to retry.tiers at the top, or use ${config.retry.tiers.join(', ') || 'none'}`;
    faults.push({ path: [...at, 'retry', 'tiers', n], problem: 'is not a delay line that exists', mend });
  });
}

/** A share of nothing is nothing: at a quiet hour the last retries would never go. */
function checkBudget({ retry }: CompleteDestination, at: At, { faults }: Check): void {
  if (retry.budget.minPerSecond >= budgetLeastPerSecond) return;
  faults.push({
    path: [...at, 'retry', 'budget', 'minPerSecond'],
    problem: 'lets no retry go while nothing else does',
    mend: `write ${budgetLeastPerSecond} or more`,
  });
}

/** Rule 21: found means delivered only if it is this change. */
function checkLookup({ unknown }: CompleteDestination, at: At, { faults, warnings }: Check): void {
  const { resolve, lookup } = unknown;
  if (resolve === 'lookup' && !lookup) {
    faults.push({
      path: [...at, 'unknown', 'resolve'],
      problem: 'asks the partner, but no lookup says how',
      mend: 'add lookup: { url: …, revision: /version }',
    });
  }
  if (lookup && resolve !== 'lookup') {
    warnings.push({
      path: [...at, 'unknown', 'lookup'],
      problem: `is not used under resolve: ${resolve}`,
      mend: 'write resolve: lookup, or take it out',
    });
  }
  if (!lookup) return;
  const path = [...at, 'unknown', 'lookup'];
  if (!lookup.revision && !lookup.creates && Object.keys(lookup.match ?? {}).length === 0) {
    faults.push({
      path,
      problem: 'cannot tell this change from an earlier one',
      mend: 'add revision (a pointer into the answer), match, or creates: true where every delivery makes a record of its own',
    });
  }
  if (lookup.creates && !/\{(id|delivery|entity)\}/.test(lookup.url)) {
    faults.push({ path: [...path, 'url'], problem: 'names no external id', mend: 'put {id}, {delivery} or {entity} into it' });
  }
  if (lookup.method === 'HEAD' && (lookup.revision ?? lookup.match)) {
    faults.push({ path: [...path, 'method'], problem: 'is HEAD, whose answer has no body to look into', mend: 'write method: GET' });
  }
}

/** What a destination needs of an event must come from every source that is routed to it. */
function checkWhatRoutesBring(
  { name, http, unknown }: CompleteDestination,
  at: At,
  config: CompleteConfig,
  { faults, warnings }: Check,
): void {
  const routes = config.routes.filter(({ to }) => to === name);
  if (routes.length === 0)
    warnings.push({
      path: [...at, 'name'],
      problem: 'is in no route: nothing is sent to it',
      mend: 'add a route with to: this name, or take it out',
    });
  const from = config.sources.filter((source) => routes.some((route) => route.from.includes(source.name)));
  const without = from
    .filter(({ event, topic }) => event.revision === undefined && topic?.format !== 'cloudevents')
    .map((source) => source.name);
  if (without.length === 0) return;
  const mend = `add event: { revision: … } to ${without.join(', ')}, or do without it here`;
  if (http.url.includes('{revision}'))
    faults.push({ path: [...at, 'http', 'url'], problem: `needs a revision, which ${without.join(', ')} does not give`, mend });
  if (unknown.lookup?.revision)
    faults.push({
      path: [...at, 'unknown', 'lookup', 'revision'],
      problem: `compares revisions, which ${without.join(', ')} does not give`,
      mend,
    });
}
