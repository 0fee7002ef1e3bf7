import { Module, type DynamicModule } from '@nestjs/common';
import { formatFault, loadConfig, loadSettings, type HoldfastConfig, type Settings } from '#libs/config/src/index.js';
import { codecWhenAsked, HttpRegistry } from '#libs/contracts/src/index.js';
import { groupNames, topicNames } from '#libs/domain/src/index.js';
import { PartitionOwner, systemClock, type LogCluster } from '#libs/kafka/src/index.js';
import { createKafkajsCluster } from '#libs/kafka/src/kafka.module.js';
import { PostgresLedgerStore } from '#libs/ledger/src/ledger.module.js';
import { openTimeToLoss } from '#libs/notices/src/notices.module.js';
import type { Ground } from '#libs/observability/src/index.js';
import { schemaNameOf } from '#libs/postgres/src/index.js';
import { registerHealth } from './ledger.health.js';
import { LedgerLifecycle } from './ledger.lifecycle.js';
import { createLedgerProcess, type LedgerProcess } from './ledger.process.js';
import { LoggedTelling } from './telling.js';

type LedgerGround = Ground<'ledger'>;
type Configuration = Readonly<{ config: HoldfastConfig; settings: Settings }>;
type Wired = Readonly<{ process: LedgerProcess; lifecycle: LedgerLifecycle }>;

const CONFIGURATION = Symbol('configuration');
const CLUSTER = Symbol('cluster');
const WIRED = Symbol('wired');

/** Injects the LedgerProcess, whose works the transport runs. */
export const LEDGER_PROCESS = Symbol('LedgerProcess');

/** Binds ports to adapters; what happens between them stands in `ledger.pipeline.ts`. */
@Module({})
export class LedgerModule {
  static over(ground: LedgerGround): DynamicModule {
    return {
      module: LedgerModule,
      providers: [
        { provide: CONFIGURATION, useFactory: () => readConfiguration(ground) },
        { provide: CLUSTER, inject: [CONFIGURATION], useFactory: (of: Configuration) => openCluster(ground, of) },
        {
          provide: WIRED,
          inject: [CONFIGURATION, CLUSTER],
          useFactory: (of: Configuration, cluster: LogCluster) => wire(ground, of, cluster),
        },
        { provide: LEDGER_PROCESS, inject: [WIRED], useFactory: ({ process }: Wired) => process },
        { provide: LedgerLifecycle, inject: [WIRED], useFactory: ({ lifecycle }: Wired) => lifecycle },
      ],
    };
  }
}

function readConfiguration({ logger }: LedgerGround): Configuration {
  const read = loadSettings();
  if (!read.ok) throw new Error(read.faults.map((fault) => formatFault(fault)).join('\n'));
  const loaded = loadConfig(read.settings.configPath);
  for (const warning of loaded.warnings) logger.warn({ configuration: warning }, warning.problem);
  if (!loaded.ok) throw new Error(loaded.faults.map((fault) => formatFault(fault)).join('\n'));
  return { config: loaded.config, settings: read.settings };
}

function openCluster({ logger, shutdown }: LedgerGround, { settings }: Configuration): LogCluster {
  const cluster = createKafkajsCluster(settings.kafka, { logger });
  shutdown.add('close', 'kafka', () => cluster.close());
  return cluster;
}

function wire(ground: LedgerGround, { config, settings }: Configuration, cluster: LogCluster): Wired {
  const { logger, metrics, readiness, shutdown } = ground;
  const { prefix, retention } = config.topics;
  const topics = topicNames(prefix);
  const store = new PostgresLedgerStore({
    url: settings.databaseUrl,
    schema: schemaNameOf(prefix),
    onIdleError: (error) => logger.warn({ err: error }, 'an idle connection to Postgres broke'),
  });
  shutdown.add('close', 'postgres', () => store.close());
  const telling = new LoggedTelling(logger);
  const process = createLedgerProcess({
    cluster,
    topics,
    groups: groupNames(prefix),
    ports: {
      // The store knows where it stands, and may be newer than the log: a group without an offset is no loss here.
      owner: (log) => new PartitionOwner(log, { begin: 'earliest' }),
      codec: codecWhenAsked(new HttpRegistry(settings.schemaRegistryUrl)),
      store,
      telling,
      clock: systemClock,
    },
  });
  registerHealth(readiness, { process, ping: () => store.ping(), telling });
  const retentionMsOf = (topic: string): number => (topic === topics.events ? retention.events : retention.ledger).ms;
  const lag = { cluster, sources: () => process.status(), metrics, clock: systemClock, retentionMsOf };
  openTimeToLoss({ ground, config, redis: { url: settings.redisUrl } }, lag);
  const prune = async (): Promise<void> => {
    try {
      const dropped = await store.prune(systemClock.nowMs(), { eventsMs: retention.events.ms, factsMs: retention.ledger.ms });
      if (dropped.length > 0) logger.info({ dropped }, 'days that retention has passed were dropped');
    } catch (err) {
      logger.warn({ err }, 'the ledger could not be pruned; it is tried again in an hour');
    }
  };
  return { process, lifecycle: new LedgerLifecycle({ lag, clock: systemClock, prune }) };
}
