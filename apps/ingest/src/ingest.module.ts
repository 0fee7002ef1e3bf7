import { Module, type DynamicModule } from '@nestjs/common';
import { formatFault, loadConfig, loadSettings, openSecrets, type HoldfastConfig, type Settings } from '#libs/config/src/index.js';
import { HttpRegistry, openCodec, openForeignDecoder, type Codec } from '#libs/contracts/src/index.js';
import { topicNames } from '#libs/domain/src/index.js';
import { systemClock, type LogCluster } from '#libs/kafka/src/index.js';
import { ClusterCheck, createKafkajsCluster } from '#libs/kafka/src/kafka.module.js';
import { boundedType, onceThere, type Ground } from '#libs/observability/src/index.js';
import { boundsFor, secretsOf, topicSources, webhookSources } from './ingest.config.js';
import { IngestController } from './ingest.controller.js';
import { registerHealth } from './ingest.health.js';
import { IngestLifecycle } from './ingest.lifecycle.js';
import { createIngestProcess } from './ingest.process.js';
import { ingestTelling } from './ingest.telling.js';

const CONFIGURATION = Symbol('configuration');
const CLUSTER = Symbol('cluster');
const CODEC = Symbol('codec');

type IngestGround = Ground<'ingest'>;
type Configuration = Readonly<{ config: HoldfastConfig; settings: Settings }>;

/** Binds ports to adapters; what happens between them stands in the pipelines. */
@Module({})
export class IngestModule {
  static over(ground: IngestGround): DynamicModule {
    return {
      module: IngestModule,
      controllers: [IngestController],
      providers: [
        { provide: CONFIGURATION, useFactory: () => readConfiguration(ground) },
        { provide: CLUSTER, inject: [CONFIGURATION], useFactory: (configuration: Configuration) => openCluster(ground, configuration) },
        { provide: CODEC, inject: [CONFIGURATION], useFactory: (of: Configuration) => openCodecOnceThere(ground, of) },
        {
          provide: IngestLifecycle,
          inject: [CONFIGURATION, CLUSTER, CODEC],
          useFactory: (of: Configuration, cluster: LogCluster, codec: Codec) => wire({ ground, of, cluster, codec }),
        },
      ],
    };
  }
}

function readConfiguration({ logger }: IngestGround): Configuration {
  const read = loadSettings();
  if (!read.ok) throw new Error(read.faults.map((fault) => formatFault(fault)).join('\n'));
  const loaded = loadConfig(read.settings.configPath);
  for (const warning of loaded.warnings) logger.warn({ configuration: warning }, warning.problem);
  if (!loaded.ok) throw new Error(loaded.faults.map((fault) => formatFault(fault)).join('\n'));
  return { config: loaded.config, settings: read.settings };
}

/**
 * A compressor is a megabyte that is made and thrown away for each batch, and V8 collects garbage for it: for the door's small
 * batches that costs a third of a request's CPU. The large ones of a topic's copy are worth it.
 */
const COMPRESS_ABOVE_BYTES = 128 * 1024;

function openCluster({ logger, shutdown }: IngestGround, { settings }: Configuration): LogCluster {
  const cluster = createKafkajsCluster(settings.kafka, { logger, tuning: { compressAboveBytes: COMPRESS_ABOVE_BYTES } });
  shutdown.add('close', 'kafka', () => cluster.close());
  return cluster;
}

/** Without the ids of its schemas nothing can be written. */
function openCodecOnceThere(ground: IngestGround, { settings }: Configuration): Promise<Codec> {
  const need = { check: 'schemas', service: 'the schema registry', variable: 'SCHEMA_REGISTRY_URL' };
  return onceThere(ground, need, () => openCodec(new HttpRegistry(settings.schemaRegistryUrl)));
}

/** A 202 says that the event is durable, so the door does not open on a cluster that may lose it (rule 9). */
async function demandDurability(ground: IngestGround, { config, settings }: Configuration): Promise<void> {
  const check = new ClusterCheck(settings.kafka, { logger: ground.logger });
  const { events } = topicNames(config.topics.prefix);
  const need = { check: 'durability', service: 'Kafka', variable: 'KAFKA_BROKERS' };
  try {
    const faults = await onceThere(ground, need, () => check.checkCluster({ singleNode: config.singleNode, topics: [events] }));
    if (faults.length > 0) throw new Error(faults.map(({ where, what, mend }) => `${where}: ${what}; ${mend}`).join('\n'));
  } finally {
    check.close();
  }
}

type Parts = Readonly<{ ground: IngestGround; of: Configuration; cluster: LogCluster; codec: Codec }>;

async function wire({ ground, of, cluster, codec }: Parts): Promise<IngestLifecycle> {
  const { logger, metrics, readiness, shutdown } = ground;
  const { config, settings } = of;
  await demandDurability(ground, of);
  const secrets = openSecrets(secretsOf(config), { onChange: (change) => logger.info({ change }, 'a secret changed') });
  shutdown.add('close', 'secrets', () => secrets.close());
  const telling = ingestTelling({ logger, received: metrics.eventsReceived, boundedType: boundedType(config.eventTypes) });
  const ingest = await createIngestProcess({
    cluster,
    encoder: { encode: (event) => codec.encode('Event', event) },
    webhooks: webhookSources(config, secrets),
    topics: topicSources(config, openForeignDecoder(new HttpRegistry(settings.schemaRegistryUrl))),
    telling,
    clock: systemClock,
    bounds: boundsFor(config),
    topicPrefix: config.topics.prefix,
  });
  const eventsTopic = topicNames(config.topics.prefix).events;
  registerHealth(readiness, { ingest, cluster, eventsTopic, waitingFor: (source) => telling.waitingFor(source) });
  // Producers' topics are their owners': how long they keep records is not ours to know.
  const lag = { cluster, sources: () => ingest.status(), metrics, clock: systemClock, retentionMsOf: () => null };
  return new IngestLifecycle({ ingest, lag, port: settings.ingestPort, shutdown });
}
