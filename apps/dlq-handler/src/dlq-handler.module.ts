import { Module, type DynamicModule } from '@nestjs/common';
import { RedisBreakerStore } from '#libs/breaker/src/breaker.module.js';
import { formatFault, loadConfig, loadSettings, type HoldfastConfig, type Settings } from '#libs/config/src/index.js';
import { codecWhenAsked, HttpRegistry } from '#libs/contracts/src/index.js';
import { groupNames, topicNames } from '#libs/domain/src/index.js';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { PartitionOwner, systemClock, type LogCluster } from '#libs/kafka/src/index.js';
import { createKafkajsCluster } from '#libs/kafka/src/kafka.module.js';
import { boundedLabel, boundedType, type Ground } from '#libs/observability/src/index.js';
import { schemaNameOf } from '#libs/postgres/src/index.js';
import { openNotices, openTimeToLoss } from '#libs/notices/src/notices.module.js';
import { breakerLook } from './breaker-look.js';
import { PostgresDeadLetterStore } from './dead-letter-store.postgres.js';
import { Depths } from './depths.js';
import { registerHealth } from './dlq-handler.health.js';
import { DlqHandlerLifecycle } from './dlq-handler.lifecycle.js';
import { createDlqHandlerProcess, type DlqHandlerProcess } from './dlq-handler.process.js';
import { PostgresGroupStore } from './group-store.postgres.js';
import { NoticeGroups } from './notice-groups.js';
import { PostgresOperationStore } from './operation-store.postgres.js';
import type { RepairPorts } from './repair.ports.js';
import { LoggedTelling } from './telling.js';

type DlqGround = Ground<'dlq-handler'>;
type Configuration = Readonly<{ config: HoldfastConfig; settings: Settings }>;

const CONFIGURATION = Symbol('configuration');
const CLUSTER = Symbol('cluster');
const WIRED = Symbol('wired');

/** Injects the DlqHandlerProcess, whose works the transport runs. */
export const DLQ_HANDLER_PROCESS = Symbol('DlqHandlerProcess');

/** Binds ports to adapters; what happens between them stands in `dlq-handler.pipeline.ts`. */
@Module({})
export class DlqHandlerModule {
  static over(ground: DlqGround): DynamicModule {
    return {
      module: DlqHandlerModule,
      providers: [
        { provide: CONFIGURATION, useFactory: () => readConfiguration(ground) },
        { provide: CLUSTER, inject: [CONFIGURATION], useFactory: (of: Configuration) => openCluster(ground, of) },
        {
          provide: PostgresDeadLetterStore,
          inject: [CONFIGURATION],
          useFactory: (of: Configuration) => openStore(ground, of),
        },
        {
          provide: WIRED,
          inject: [CONFIGURATION, CLUSTER, PostgresDeadLetterStore],
          useFactory: (of: Configuration, cluster: LogCluster, store: PostgresDeadLetterStore) => wire({ ground, of, cluster, store }),
        },
        { provide: DLQ_HANDLER_PROCESS, inject: [WIRED], useFactory: ({ process }: Wired) => process },
        { provide: DlqHandlerLifecycle, inject: [WIRED], useFactory: ({ lifecycle }: Wired) => lifecycle },
      ],
    };
  }
}

function readConfiguration({ logger }: DlqGround): Configuration {
  const read = loadSettings();
  if (!read.ok) throw new Error(read.faults.map((fault) => formatFault(fault)).join('\n'));
  const loaded = loadConfig(read.settings.configPath);
  for (const warning of loaded.warnings) logger.warn({ configuration: warning }, warning.problem);
  if (!loaded.ok) throw new Error(loaded.faults.map((fault) => formatFault(fault)).join('\n'));
  return { config: loaded.config, settings: read.settings };
}

function openCluster({ logger, shutdown }: DlqGround, { settings }: Configuration): LogCluster {
  const cluster = createKafkajsCluster(settings.kafka, { logger });
  shutdown.add('close', 'kafka', () => cluster.close());
  return cluster;
}

/** One schema a prefix: two installations may share a database. */
function openStore({ logger, shutdown }: DlqGround, { config, settings }: Configuration): PostgresDeadLetterStore {
  const store = new PostgresDeadLetterStore({
    url: settings.databaseUrl,
    schema: schemaNameOf(config.topics.prefix),
    onIdleError: (error) => logger.warn({ err: error }, 'an idle connection to Postgres broke'),
  });
  shutdown.add('close', 'postgres', () => store.close());
  return store;
}

type Parts = Readonly<{ ground: DlqGround; of: Configuration; cluster: LogCluster; store: PostgresDeadLetterStore }>;
type Wired = Readonly<{ process: DlqHandlerProcess; lifecycle: DlqHandlerLifecycle }>;

function wire({ ground, of, cluster, store }: Parts): Wired {
  const { logger, metrics, readiness } = ground;
  const { config, settings } = of;
  const topics = topicNames(config.topics.prefix);
  const bounded = {
    destination: boundedLabel(config.destinations.map(({ name }) => name)),
    source: boundedLabel(config.sources.map(({ name }) => name)),
    type: boundedType(config.eventTypes),
  };
  const depths = new Depths(store, metrics, bounded, systemClock);
  const redis = openRedis(ground, of);
  const noticeGroups = openNoticeGroups(ground, of, redis);
  const telling = new LoggedTelling(logger, () => {
    depths.changed();
    noticeGroups?.changed();
  });
  const codec = codecWhenAsked(new HttpRegistry(settings.schemaRegistryUrl));
  const process = createDlqHandlerProcess({
    cluster,
    topics,
    groups: groupNames(config.topics.prefix),
    ports: { owner: (log) => new PartitionOwner(log, { begin: 'own-topic' }), codec, store, telling, clock: systemClock },
    repair: repairPorts({ ground, of, cluster, redis, telling, codec: () => codec.whole() }),
  });
  registerHealth(readiness, { process, ping: () => store.ping(), telling });
  const { retention } = config.topics;
  const retentionMsOf = (topic: string) =>
    (topic === topics.dlq ? retention.dlq : topic === topics.commands ? retention.commands : retention.invalid).ms;
  openTimeToLoss({ ground, config, redis }, { cluster, sources: () => process.status(), retentionMsOf });
  const lifecycle = new DlqHandlerLifecycle({
    depths,
    lag: { cluster, sources: () => process.status(), metrics, clock: systemClock, retentionMsOf },
    onDepthsError: (err) => logger.warn({ err }, 'depths could not be counted; the last count stands'),
  });
  return { process, lifecycle };
}

function openRedis({ logger, shutdown }: DlqGround, { settings }: Configuration): RedisConnection {
  const redis = RedisConnection.open({
    url: settings.redisUrl,
    name: 'holdfast-dlq-handler',
    onStatus: ({ ready, why }) => (ready ? logger.info('redis is ready') : logger.warn({ why }, 'redis is not ready; operations wait')),
  });
  shutdown.add('close', 'redis', () => redis.close());
  return redis;
}

/** Null where nobody is told of dead letters and invalid events. */
function openNoticeGroups(ground: DlqGround, { config, settings }: Configuration, redis: RedisConnection): NoticeGroups | null {
  const { logger, shutdown } = ground;
  const notices = openNotices({ ground, config, redis }, ['dead-letter', 'invalid']);
  if (notices === null) return null;
  const onIdleError = (error: Error): void => logger.warn({ err: error }, 'an idle connection to Postgres broke');
  const store = new PostgresGroupStore({ url: settings.databaseUrl, schema: schemaNameOf(config.topics.prefix), onIdleError });
  shutdown.add('close', 'postgres of notices', () => store.close());
  const runbooks = new Map(config.destinations.map(({ name, runbook }) => [name, runbook]));
  const groups = new NoticeGroups({ store, notices, clock: systemClock, runbookOf: (destination) => runbooks.get(destination) ?? null });
  const running = groups.run((err) => logger.warn({ err }, 'groups could not be counted; alerts come later'));
  shutdown.add('settle', 'notices', async () => {
    groups.stop();
    await running;
  });
  return groups;
}

type RepairParts = Omit<Parts, 'store'> & Readonly<{ redis: RedisConnection }> & Pick<RepairPorts, 'codec' | 'telling'>;

function repairPorts({ ground: { logger, shutdown }, of: { config, settings }, cluster, redis, codec, telling }: RepairParts): RepairPorts {
  const { prefix } = config.topics;
  const topics = topicNames(prefix);
  const onIdleError = (error: Error): void => logger.warn({ err: error }, 'an idle connection to Postgres broke');
  const store = new PostgresOperationStore({ url: settings.databaseUrl, schema: schemaNameOf(prefix), onIdleError }, topics);
  shutdown.add('close', 'postgres of operations', () => store.close());
  return {
    // The state is folded from the log's beginning, wherever the committed offset stands.
    owner: (log) => new PartitionOwner(log, { begin: 'earliest' }),
    breakers: breakerLook(new RedisBreakerStore(redis, prefix)),
    destinations: new Set(config.destinations.map(({ name }) => name)),
    clock: systemClock,
    ...{ cluster, codec, store, telling, topics },
  };
}
