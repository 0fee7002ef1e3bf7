import { Module, type DynamicModule } from '@nestjs/common';
import { formatFault, loadConfig, loadSettings, type HoldfastConfig, type Settings } from '#libs/config/src/index.js';
import { HttpRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import { RedisConnection, RedisSeenStore } from '#libs/identity/src/identity.module.js';
import { systemClock, type LogCluster } from '#libs/kafka/src/index.js';
import { createKafkajsCluster } from '#libs/kafka/src/kafka.module.js';
import { openTimeToLoss } from '#libs/notices/src/notices.module.js';
import { boundedType, onceThere, type Ground } from '#libs/observability/src/index.js';
import { dedupeConfig } from './dedupe.config.js';
import { registerHealth } from './dedupe.health.js';
import { DedupeLifecycle } from './dedupe.lifecycle.js';
import { createDedupeProcess, DEDUPE_PROCESS, type DedupeProcess } from './dedupe.process.js';
import { dedupeTelling } from './dedupe.telling.js';

type DedupeGround = Ground<'dedupe'>;
type Configuration = Readonly<{ config: HoldfastConfig; settings: Settings }>;

const CONFIGURATION = Symbol('configuration');
const CLUSTER = Symbol('cluster');
const REDIS = Symbol('redis');
const CODEC = Symbol('codec');

/** Binds ports to adapters; what happens between them stands in `dedupe.pipeline.ts`. */
@Module({})
export class DedupeModule {
  static over(ground: DedupeGround): DynamicModule {
    return {
      module: DedupeModule,
      providers: [
        { provide: CONFIGURATION, useFactory: () => readConfiguration(ground) },
        { provide: CLUSTER, inject: [CONFIGURATION], useFactory: (of: Configuration) => openCluster(ground, of) },
        { provide: REDIS, inject: [CONFIGURATION], useFactory: (of: Configuration) => openRedis(ground, of) },
        { provide: CODEC, inject: [CONFIGURATION], useFactory: (of: Configuration) => codecOnceThere(ground, of) },
        {
          provide: DEDUPE_PROCESS,
          inject: [CONFIGURATION, CLUSTER, REDIS, CODEC],
          useFactory: (of: Configuration, cluster: LogCluster, redis: RedisConnection, codec: Codec) =>
            wire({ ground, of, cluster, redis, codec }),
        },
        {
          provide: DedupeLifecycle,
          inject: [CONFIGURATION, CLUSTER, DEDUPE_PROCESS],
          useFactory: ({ config }: Configuration, cluster: LogCluster, process: DedupeProcess) =>
            new DedupeLifecycle({
              cluster,
              sources: () => [process.source.status()],
              metrics: ground.metrics,
              clock: systemClock,
              retentionMsOf: () => config.topics.retention.events.ms,
            }),
        },
      ],
    };
  }
}

function readConfiguration({ logger }: DedupeGround): Configuration {
  const read = loadSettings();
  if (!read.ok) throw new Error(read.faults.map((fault) => formatFault(fault)).join('\n'));
  const loaded = loadConfig(read.settings.configPath);
  for (const warning of loaded.warnings) logger.warn({ configuration: warning }, warning.problem);
  if (!loaded.ok) throw new Error(loaded.faults.map((fault) => formatFault(fault)).join('\n'));
  return { config: loaded.config, settings: read.settings };
}

function openCluster({ logger, shutdown }: DedupeGround, { settings }: Configuration): LogCluster {
  const cluster = createKafkajsCluster(settings.kafka, { logger });
  shutdown.add('close', 'kafka', () => cluster.close());
  return cluster;
}

function openRedis({ logger, shutdown }: DedupeGround, { settings }: Configuration): RedisConnection {
  const redis = RedisConnection.open({
    url: settings.redisUrl,
    name: 'holdfast-dedupe',
    onStatus: ({ ready, why, evictedKeys }) =>
      ready ? logger.info({ evictedKeys }, 'redis is ready') : logger.error({ why }, 'redis is not ready'),
  });
  shutdown.add('close', 'redis', () => redis.close());
  return redis;
}

/** Without the ids of its schemas nothing can be written. */
function codecOnceThere(ground: DedupeGround, { settings }: Configuration): Promise<Codec> {
  const need = { check: 'schemas', service: 'the schema registry', variable: 'SCHEMA_REGISTRY_URL' };
  return onceThere(ground, need, () => openCodec(new HttpRegistry(settings.schemaRegistryUrl)));
}

type Parts = Readonly<{ ground: DedupeGround; of: Configuration; cluster: LogCluster; redis: RedisConnection; codec: Codec }>;

function wire({ ground, of: { config }, cluster, redis, codec }: Parts): DedupeProcess {
  const { logger, metrics, readiness } = ground;
  const { prefix } = config.topics;
  const telling = dedupeTelling({ logger, metrics, boundedType: boundedType(config.eventTypes), clock: systemClock });
  const seen = new RedisSeenStore(redis, prefix);
  const process = createDedupeProcess({
    cluster,
    seen,
    codec,
    clock: systemClock,
    config: dedupeConfig(config),
    prefix,
    tell: telling.tell,
  });
  registerHealth(readiness, { redis, process, telling });
  const retentionMsOf = (): number => config.topics.retention.events.ms;
  openTimeToLoss({ ground, config, redis }, { cluster, sources: () => [process.source.status()], retentionMsOf });
  return process;
}
