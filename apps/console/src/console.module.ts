import { randomUUID } from 'node:crypto';
import { Module, type DynamicModule } from '@nestjs/common';
import { commandBreaker } from '#libs/breaker/src/index.js';
import { RedisBreakerStore } from '#libs/breaker/src/breaker.module.js';
import { formatFault, loadConfig, loadSettings, openSecrets, type HoldfastConfig, type Settings } from '#libs/config/src/index.js';
import { HttpRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import { groupNames, topicNames, type Command } from '#libs/domain/src/index.js';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { systemClock, type LogCluster } from '#libs/kafka/src/index.js';
import { createKafkajsCluster } from '#libs/kafka/src/kafka.module.js';
import { PostgresLedgerReader } from '#libs/ledger/src/ledger.module.js';
import { onceThere, type Ground } from '#libs/observability/src/index.js';
import { schemaNameOf } from '#libs/postgres/src/index.js';
import { openApi } from './api.fastify.js';
import { apiRoutes } from './api-routes.js';
import { commandSink } from './command-sink.js';
import { actorOf, secretsOf } from './console.config.js';
import { ConsoleController } from './console.controller.js';
import { registerHealth } from './console.health.js';
import { ConsoleLifecycle } from './console.lifecycle.js';
import type { CommandSink } from './console.ports.js';
import { PostgresDeadLetters } from './dead-letters.postgres.js';
import { destinationsReader } from './destinations.js';
import { PostgresOperations } from './operations.postgres.js';

type ConsoleGround = Ground<'console'>;
type Configuration = Readonly<{ config: HoldfastConfig; settings: Settings }>;

const CONFIGURATION = Symbol('configuration');
const CLUSTER = Symbol('cluster');
const REDIS = Symbol('redis');
const CODEC = Symbol('codec');

/** Binds ports to adapters; what can be asked stands in `api-routes.ts`. */
@Module({})
export class ConsoleModule {
  static over(ground: ConsoleGround): DynamicModule {
    return {
      module: ConsoleModule,
      controllers: [ConsoleController],
      providers: [
        { provide: CONFIGURATION, useFactory: () => readConfiguration(ground) },
        { provide: CLUSTER, inject: [CONFIGURATION], useFactory: (of: Configuration) => openCluster(ground, of) },
        { provide: REDIS, inject: [CONFIGURATION], useFactory: (of: Configuration) => openRedis(ground, of) },
        { provide: CODEC, inject: [CONFIGURATION], useFactory: (of: Configuration) => codecOnceThere(ground, of) },
        {
          provide: ConsoleLifecycle,
          inject: [CONFIGURATION, CLUSTER, REDIS, CODEC],
          useFactory: (of: Configuration, cluster: LogCluster, redis: RedisConnection, codec: Codec) =>
            wire({ ground, of, cluster, redis, codec }),
        },
      ],
    };
  }
}

function readConfiguration({ logger }: ConsoleGround): Configuration {
  const read = loadSettings();
  if (!read.ok) throw new Error(read.faults.map((fault) => formatFault(fault)).join('\n'));
  const loaded = loadConfig(read.settings.configPath);
  if (!loaded.ok) throw new Error(loaded.faults.map((fault) => formatFault(fault)).join('\n'));
  const { config } = loaded;
  if (!config.dev && config.console.tokens.length === 0)
    logger.warn('console.tokens is empty: outside dev nobody may use the API until there is one');
  return { config, settings: read.settings };
}

function openCluster({ logger, shutdown }: ConsoleGround, { settings }: Configuration): LogCluster {
  const cluster = createKafkajsCluster(settings.kafka, { logger });
  shutdown.add('close', 'kafka', () => cluster.close());
  return cluster;
}

function openRedis({ logger, shutdown }: ConsoleGround, { settings }: Configuration): RedisConnection {
  const redis = RedisConnection.open({
    url: settings.redisUrl,
    name: 'holdfast-console',
    onStatus: ({ ready, why }) => (ready ? logger.info('redis is ready') : logger.error({ why }, 'redis is not ready')),
  });
  shutdown.add('close', 'redis', () => redis.close());
  return redis;
}

/** Without the ids of its schemas nothing can be written. */
function codecOnceThere(ground: ConsoleGround, { settings }: Configuration): Promise<Codec> {
  const need = { check: 'schemas', service: 'the schema registry', variable: 'SCHEMA_REGISTRY_URL' };
  return onceThere(ground, need, () => openCodec(new HttpRegistry(settings.schemaRegistryUrl)));
}

type Parts = Readonly<{ ground: ConsoleGround; of: Configuration; cluster: LogCluster; redis: RedisConnection; codec: Codec }>;

function wire({ ground, of: { config, settings }, cluster, redis, codec }: Parts): ConsoleLifecycle {
  const { logger, readiness, shutdown } = ground;
  const { prefix, retention } = config.topics;
  const [topics, groups] = [topicNames(prefix), groupNames(prefix)];
  const secrets = openSecrets(secretsOf(config), { onChange: (change) => logger.info({ change }, 'a secret changed') });
  shutdown.add('close', 'secrets', () => secrets.close());
  const choices = {
    url: settings.databaseUrl,
    schema: schemaNameOf(prefix),
    onIdleError: (error: Error) => logger.warn({ err: error }, 'an idle connection to Postgres broke'),
  };
  const ledger = new PostgresLedgerReader(choices);
  const deadLetters = new PostgresDeadLetters(choices);
  const operations = new PostgresOperations(choices);
  for (const store of [ledger, deadLetters, operations]) shutdown.add('close', 'postgres', () => store.close());
  const breakers = new RedisBreakerStore(redis, prefix);
  const names = config.destinations.map(({ name }) => name);
  const routes = apiRoutes({
    ...{ ledger, codec, deadLetters, operations },
    commands: steering(commandSink({ sink: () => cluster.sink(), codec, topic: topics.commands }), breakers),
    destinations: destinationsReader({
      names,
      cluster,
      breakers,
      topics,
      groups,
      retentionMs: retention.deliveries.ms,
      clock: systemClock,
    }),
    knownDestinations: new Set(names),
    nowMs: () => systemClock.nowMs(),
    newId: randomUUID,
  });
  registerHealth(readiness, { ledger, kafka: () => cluster.partitions(topics.commands), redis });
  const tell: Parameters<typeof openApi>[0]['tell'] = ({ error, ...line }) =>
    error === undefined ? logger.info(line, 'answered') : logger.error({ ...line, err: error }, 'could not answer');
  return new ConsoleLifecycle({ api: openApi({ routes, whoAsks: actorOf(config, secrets), tell }), port: settings.consolePort });
}

/** What pauses, resumes or probes a destination is done at once, when it is durable: the replicas of deliver follow within a second. */
function steering(durable: CommandSink, breakers: RedisBreakerStore): CommandSink {
  const turns: Partial<Record<Command['kind'], 'open' | 'close' | 'probe'>> = { pause: 'open', resume: 'close', probe: 'probe' };
  return {
    send: async (commands) => {
      await durable.send(commands);
      for (const { kind, destination, by, reason, at } of commands) {
        const to = turns[kind];
        if (to && destination !== null) await commandBreaker(breakers, destination, { to, by, reason, atMs: at });
      }
    },
  };
}
