import type { Breakers, BreakerValve } from '#libs/breaker/src/index.js';
import { outboundGuard, type DestinationConfig, type LookupConfig, type HoldfastConfig, type SecretStore } from '#libs/config/src/index.js';
import { secretPlaces, type Credential, type TokenStore } from '#libs/credentials/src/index.js';
import type { SharedPauses, Valve } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import type { Transforms } from '#libs/shaping/src/index.js';
import { answerKeeper, answerRules, needsOf } from './answers.js';
import type { CredentialTelling } from './credential-telling.js';
import { credentialsOf, noHeaders, shown } from './deliver.credentials.js';
import type { DeliverBounds } from './deliver.config.js';
import type { Destination, DestinationPolicy, Resolver, Sender } from './deliver.ports.js';
import { healthProbe } from './health-probe.js';
import { orderingOf } from './ordered-routes.js';
import { originOf, requestRenderer, type Credentials } from './render-request.js';
import { countedBy } from './request-limits.js';
import { LookupResolver, noResolver } from './resolver.undici.js';
import { bulkNeedsOf, inBulk, proxyOf, shapeOf, signingOf } from './shaping.js';
import { stagesOf } from './stages.js';
import { fairnessOf } from './share-of.js';
import { UndiciSender } from './sender.undici.js';

export type DestinationParts = Readonly<{
  config: Pick<HoldfastConfig, 'routes' | 'retry' | 'destinations' | 'dev' | 'outbound' | 'environment'>;
  secrets: SecretStore;
  tokens: TokenStore;
  credentialTelling(destination: string): CredentialTelling;
  clock: Clock;
  transforms: Transforms;
  /** Left out: destinations have none but `maxInFlight`. */
  limits?: (config: DestinationConfig) => readonly Valve[];
  /** Operators' pauses; left out: nobody can pause. */
  pauses?: Pick<SharedPauses, 'valve'>;
  bounds: DeliverBounds;
  /** Not started yet. Left out: destinations have no breaker. */
  breakers?: Breakers;
}>;

/** Look-ups are few: they follow unknown outcomes only. */
const lookupsMaxInFlight = 8;
const lookupAnswerMaxBytes = 256 * 1024;

export function policyOf(config: DestinationConfig, bounds: DeliverBounds): DestinationPolicy {
  const { http, unknown, retry, classify } = config;
  return {
    timeoutMs: http.timeoutMs,
    // A slot is one event of one request.
    maxInFlight: http.maxInFlight * (config.batch?.maxEvents ?? 1),
    classify: answerRules(classify),
    resolve: unknown.resolve,
    validForMs: unknown.validForMs,
    unknown: { resolve: unknown.resolve, statuses: unknown.statuses, settleMs: unknown.settleMs },
    tiers: retry.tiers,
    attemptsMax: retry.attemptsMax,
    maxAgeMs: retry.maxAgeMs,
    retryBudget: retry.budget,
    retryAfterMaxMs: bounds.retryAfterMaxMs,
    retryAfterDefaultMs: bounds.retryAfterDefaultMs,
  };
}

export const secretsOfDestinations = ({ destinations }: Pick<HoldfastConfig, 'destinations'>) =>
  destinations.flatMap(({ auth, tls, signing, proxy }) => [
    ...secretPlaces(auth, tls).map(({ ref }) => ref),
    ...(signing?.secrets ?? []),
    ...(proxy?.password ? [proxy.password] : []),
  ]);

/** Each destination with its own pools; `close` ends them. */
export function openDestinations(parts: DestinationParts): {
  destinations: Destination[];
  close(): Promise<void>;
} {
  const { config, secrets, clock, bounds, transforms, breakers, limits = () => [], pauses, tokens, credentialTelling } = parts;
  const outbound = outboundGuard({ dev: config.dev, allow: config.outbound.allow });
  const senders: UndiciSender[] = [];
  const open = (options: ConstructorParameters<typeof UndiciSender>[0]): UndiciSender => {
    const sender = new UndiciSender(options);
    senders.push(sender);
    return sender;
  };
  const destinations = config.destinations.map((one): Destination => {
    const { http, unknown } = one;
    const policy = policyOf(one, bounds);
    const { credential, tls } = credentialsOf(one, {
      environment: config.environment,
      secrets,
      store: tokens,
      outbound,
      clock,
      telling: credentialTelling,
    });
    const way = { timeoutMs: http.timeoutMs, outbound, clock, tls, proxy: proxyOf(one, secrets) };
    const { lookup } = unknown;
    const signing = signingOf(one, secrets, clock);
    const counted = countedBy(limits(one), one.batch);
    const opened = { ...way, ...needsOf(one), ...bulkNeedsOf(one), origin: originOf(http.url), maxInFlight: http.maxInFlight };
    const asks = { ...way, maxInFlight: lookupsMaxInFlight, answerMaxBytes: lookupAnswerMaxBytes, keepMaxBytes: lookupAnswerMaxBytes };
    const resolverOf = (of: LookupConfig | null): Resolver =>
      of ? new LookupResolver(of, shown(credential, policy, open({ ...asks, ...askedBy(of, http.timeoutMs) })), noHeaders) : noResolver;
    const stages = stagesOf({ config: one, credentials: noHeaders, signing, resolverOf: (own) => resolverOf(own ?? lookup) });
    return {
      name: one.name,
      policy,
      ...(stages && { stages }),
      sender: inBulk(shown(credential, policy, open(opened)), one, { signing, clock, limits: counted.requests }),
      resolver: resolverOf(lookup),
      valves: valvesOf({
        credential,
        pause: pauses?.valve(one.name),
        limits: counted.valves,
        breaker: () =>
          breakers &&
          breakerOf(one, {
            breakers,
            credentials: noHeaders,
            clock,
            open: (origin) => shown(credential, policy, open({ ...way, origin, maxInFlight: 1 })),
          }),
      }),
      keep: answerKeeper(one.answer),
      render: requestRenderer(one, noHeaders, one.batch ? null : signing),
      ...shapeOf(one, config.routes, transforms),
      ...fairnessOf(one),
      ...orderingOf(one.name, config),
    };
  });
  const ends = [...senders, ...destinations.flatMap((one) => one.valves)];
  return { destinations, close: async () => void (await Promise.all(ends.map((one) => one.close()))) };
}

const askedBy = ({ url, timeoutMs, result }: LookupConfig, elseMs: number) => ({
  origin: originOf(url),
  timeoutMs: timeoutMs ?? elseMs,
  answerHeaders: Object.values(result).flatMap((from) => (from.kind === 'header' ? [from.name] : [])),
});

type ValveParts = Readonly<{
  credential: Credential | null;
  pause: Valve | undefined;
  breaker: () => Valve | undefined;
  limits: readonly Valve[];
}>;

/** What may keep a destination's requests back, in the order in which it is asked: a token that the breaker then does not need lapses, a canary's right is not spent on a rate that has none. */
function valvesOf({ credential, pause, breaker, limits }: ValveParts): readonly Valve[] {
  return [pause, credential?.valve, ...limits, breaker()].filter((valve) => valve !== undefined);
}

type BreakerParts = Readonly<{ breakers: Breakers; credentials: Credentials; clock: Clock; open: (origin: string) => Sender }>;

/** An attempt that has had its deadline and so much more is not heard of again. */
const attemptGraceMs = 5_000;

function breakerOf({ name, http, batch, breaker }: DestinationConfig, { breakers, credentials, clock, open }: BreakerParts): BreakerValve {
  const { url, firstMs, maxMs } = breaker.probe;
  const { timeoutMs } = http;
  const maxInFlight = http.maxInFlight * (batch?.maxEvents ?? 1);
  return breakers.valve({
    destination: name,
    policy: { failures: breaker.failures, rate: breaker.rate, probe: { firstMs, maxMs }, rampMax: maxInFlight },
    attemptMaxMs: timeoutMs + attemptGraceMs,
    probe: url === null ? null : healthProbe({ url, sender: open(new URL(url).origin), credentials, clock, timeoutMs }),
  });
}
