import { Module, type DynamicModule } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { RedisBreakerStore } from '#libs/breaker/src/breaker.module.js';
import { Breakers } from '#libs/breaker/src/index.js';
import {
  formatFault,
  loadConfig,
  loadSettings,
  openSecrets,
  type HoldfastConfig,
  type SecretStore,
  type Settings,
} from '#libs/config/src/index.js';
import { HttpRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import { RedisTokenStore } from '#libs/credentials/src/credentials.module.js';
import { MemoryTokenStore, tokenSeal, type TokenStore } from '#libs/credentials/src/index.js';
import { RedisAttemptMarksStore, RedisPauses } from '#libs/delivery/src/delivery.module.js';
import { SharedPauses } from '#libs/delivery/src/index.js';
import { topicNames } from '#libs/domain/src/index.js';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { systemClock, type LogCluster } from '#libs/kafka/src/index.js';
import { SharedHolds } from '#libs/limits/src/index.js';
import { cronCalendar, RedisHoldBoard, RedisRateStore } from '#libs/limits/src/limits.module.js';
import { createKafkajsCluster } from '#libs/kafka/src/kafka.module.js';
import { boundedType, onceThere, type Ground } from '#libs/observability/src/index.js';
import { ThreadTransforms } from '#libs/shaping/src/shaping.module.js';
import { breakerTelling } from './breaker-telling.js';
import { credentialTelling } from './credential-telling.js';
import { deliverBoundsDefault } from './deliver.config.js';
import { openDestinations, secretsOfDestinations } from './deliver.destinations.js';
import { registerHealth } from './deliver.health.js';
import { DeliverLifecycle } from './deliver.lifecycle.js';
import { createDeliverProcess, DELIVER_PROCESS, type DeliverProcess } from './deliver.process.js';
import { limitsOf, type LimitParts } from './limits.valves.js';
import { deliverTelling } from './deliver.telling.js';
import { openTimeToLoss } from '#libs/notices/src/notices.module.js';
import { openTickets } from './tickets.module.js';

type DeliverGround = Ground<'deliver'>;
type Configuration = Readonly<{ config: HoldfastConfig; settings: Settings }>;

const CONFIGURATION = Symbol('configuration');
const CLUSTER = Symbol('cluster');
const REDIS = Symbol('redis');
const CODEC = Symbol('codec');

/** Binds ports to adapters; what happens between them stands in `deliver.pipeline.ts`. */
@Module({})
export class DeliverModule {
  static over(ground: DeliverGround): DynamicModule {
    return {
      module: DeliverModule,
      providers: [
        { provide: CONFIGURATION, useFactory: () => readConfiguration(ground) },
        { provide: CLUSTER, inject: [CONFIGURATION], useFactory: (of: Configuration) => openCluster(ground, of) },
        { provide: REDIS, inject: [CONFIGURATION], useFactory: (of: Configuration) => openRedis(ground, of) },
        { provide: CODEC, inject: [CONFIGURATION], useFactory: (of: Configuration) => codecOnceThere(ground, of) },
        {
          provide: DELIVER_PROCESS,
          inject: [CONFIGURATION, CLUSTER, REDIS, CODEC],
          useFactory: (of: Configuration, cluster: LogCluster, redis: RedisConnection, codec: Codec) =>
            wire({ ground, of, cluster, redis, codec }),
        },
        {
          provide: DeliverLifecycle,
          inject: [CONFIGURATION, CLUSTER, REDIS, DELIVER_PROCESS],
          useFactory: (of: Configuration, cluster: LogCluster, redis: RedisConnection, process: DeliverProcess) =>
            besides({ ground, of, cluster, redis, process }),
        },
      ],
    };
  }
}

function readConfiguration({ logger }: DeliverGround): Configuration {
  const read = loadSettings();
  if (!read.ok) throw new Error(read.faults.map((fault) => formatFault(fault)).join('\n'));
  const loaded = loadConfig(read.settings.configPath);
  for (const warning of loaded.warnings) logger.warn({ configuration: warning }, warning.problem);
  if (!loaded.ok) throw new Error(loaded.faults.map((fault) => formatFault(fault)).join('\n'));
  return { config: loaded.config, settings: read.settings };
}

function openCluster({ logger, shutdown }: DeliverGround, { settings }: Configuration): LogCluster {
  const cluster = createKafkajsCluster(settings.kafka, { logger, tuning: { stopMaxMs: deliverBoundsDefault.stopMaxMs } });
  shutdown.add('close', 'kafka', () => cluster.close());
  return cluster;
}

function openRedis({ logger, shutdown }: DeliverGround, { settings }: Configuration): RedisConnection {
  const redis = RedisConnection.open({
    url: settings.redisUrl,
    name: 'holdfast-deliver',
    onStatus: ({ ready, why, evictedKeys }) =>
      ready ? logger.info({ evictedKeys }, 'redis is ready') : logger.error({ why }, 'redis is not ready'),
  });
  shutdown.add('close', 'redis', () => redis.close());
  return redis;
}

/** Without the ids of its schemas nothing can be written. */
function codecOnceThere(ground: DeliverGround, { settings }: Configuration): Promise<Codec> {
  const need = { check: 'schemas', service: 'the schema registry', variable: 'SCHEMA_REGISTRY_URL' };
  return onceThere(ground, need, () => openCodec(new HttpRegistry(settings.schemaRegistryUrl)));
}

type Parts = Readonly<{ ground: DeliverGround; of: Configuration; cluster: LogCluster; redis: RedisConnection; codec: Codec }>;

function wire({ ground, of: { config }, cluster, redis, codec }: Parts): DeliverProcess {
  const { logger, metrics, readiness, shutdown } = ground;
  const { prefix } = config.topics;
  const clock = systemClock;
  const secrets = openSecrets([...secretsOfDestinations(config), ...config.credentials.tokenKeys]);
  shutdown.add('close', 'secrets', () => secrets.close());
  const transforms = new ThreadTransforms();
  shutdown.add('close', 'transforms', () => transforms.close());
  const breakers = openBreakers(ground, config, redis);
  const limits = openLimits(redis, { prefix, clock, metrics });
  shutdown.add('close', 'shared holds', () => limits.holds.close());
  const troubles = new Map<string, string | null>();
  const { destinations, close } = openDestinations({
    config,
    secrets,
    clock,
    transforms,
    breakers,
    limits: (destination) => limitsOf(destination, limits),
    pauses: openPauses(ground, config, redis),
    bounds: deliverBoundsDefault,
    tokens: tokenStore({ config, secrets, redis }),
    credentialTelling: (destination) => credentialTelling(destination, { logger, metrics, environment: config.environment, troubles }),
  });
  breakers.start();
  shutdown.add('close', 'connections to partners', close);
  const telling = deliverTelling({ logger, metrics, boundedType: boundedType(config.eventTypes), clock });
  const ports = { clock, codec, marks: new RedisAttemptMarksStore(redis, prefix), report: telling, logger, topics: topicNames(prefix) };
  const process = createDeliverProcess({ cluster, ports, destinations, tiers: config.retry.tiers, topicPrefix: prefix });
  shutdown.add('close', 'gates', () => process.close());
  registerHealth(readiness, { redis, process, telling });
  openTickets({ ground, config, cluster, redis, breakers, process, troubles });
  return process;
}

/** Shared by all replicas; `me` is this start of this process. */
function openBreakers({ logger, metrics, shutdown }: DeliverGround, config: HoldfastConfig, redis: RedisConnection): Breakers {
  const destinations = config.destinations.map(({ name }) => name);
  const report = breakerTelling({ logger, metrics, destinations });
  const store = new RedisBreakerStore(redis, config.topics.prefix);
  const breakers = new Breakers({ store, clock: systemClock, me: randomUUID(), report });
  shutdown.add('settle', 'breakers', () => breakers.close());
  return breakers;
}

/** What operators have paused, for all replicas. */
function openPauses({ logger, shutdown }: DeliverGround, config: HoldfastConfig, redis: RedisConnection): SharedPauses {
  const told = (destination: string, by: string | null): void =>
    by === null ? logger.info({ destination }, 'the destination goes on') : logger.warn({ destination, by }, 'the destination is paused');
  const pauses = new SharedPauses({ pauses: new RedisPauses(redis, config.topics.prefix), clock: systemClock, told });
  shutdown.add('close', 'pauses', () => pauses.close());
  return pauses;
}

/** What the replicas share of partners' limits. */
function openLimits(redis: RedisConnection, parts: Pick<LimitParts, 'clock' | 'metrics'> & Readonly<{ prefix: string }>): LimitParts {
  const { clock, metrics, prefix } = parts;
  const { retryAfterDefaultMs, retryAfterMaxMs } = deliverBoundsDefault;
  const board = new RedisHoldBoard(redis, prefix);
  const holds = new SharedHolds({ board, clock, retryAfterDefaultMs, retryAfterMaxMs });
  return { clock, metrics, holds, rates: new RedisRateStore(redis, prefix), calendarOf: cronCalendar };
}

/** Shared by all replicas, sealed; without a key to seal with, tokens do not leave the process. */
function tokenStore({
  config,
  secrets,
  redis,
}: Readonly<{ config: HoldfastConfig; secrets: SecretStore; redis: RedisConnection }>): TokenStore {
  const { tokenKeys } = config.credentials;
  if (tokenKeys.length === 0) return new MemoryTokenStore();
  return new RedisTokenStore(
    redis,
    tokenSeal(() => secrets.get(tokenKeys)),
    config.topics.prefix,
  );
}

/** What is measured beside the partitions. */
type BesidesParts = Omit<Parts, 'codec'> & Readonly<{ process: DeliverProcess }>;

function besides({ ground, of: { config }, cluster, redis, process }: BesidesParts): DeliverLifecycle {
  const { metrics } = ground;
  const { prefix, retention } = config.topics;
  const topics = topicNames(prefix);
  const { tiers } = config.retry;
  const lines = new Set(tiers.map(({ name }) => topics.retry(name)));
  const retentionMsOf = (topic: string): number => (lines.has(topic) ? retention.retry : retention.deliveries).ms;
  const lanes = new Map(config.destinations.map(({ name, runbook }) => [topics.deliveries(name), { name, runbook }]));
  const destinationOf = (topic: string) => lanes.get(topic) ?? null;
  openTimeToLoss({ ground, config, redis }, { cluster, sources: () => process.status(), retentionMsOf, destinationOf });
  return new DeliverLifecycle(
    { cluster, sources: () => process.status(), metrics, clock: systemClock, retentionMsOf },
    {
      cluster,
      process,
      metrics,
      boundedType: boundedType(config.eventTypes),
      clock: systemClock,
      topics,
      tiers,
      destinations: config.destinations.map(({ name }) => name),
    },
  );
}
