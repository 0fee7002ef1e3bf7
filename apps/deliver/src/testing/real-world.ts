import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisBreakerStore } from '#libs/breaker/src/breaker.module.js';
import { Breakers, type BreakerState } from '#libs/breaker/src/index.js';
import { loadConfig, topicPlan, type HoldfastConfig } from '#libs/config/src/index.js';
import { MemoryTokenStore } from '#libs/credentials/src/index.js';
import { HttpRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import { RedisAttemptMarksStore } from '#libs/delivery/src/delivery.module.js';
import { topicNames, type Delivery, type Fact, type TopicNames } from '#libs/domain/src/index.js';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { silentLogger, systemClock, type LogCluster, type LogRecord, type RecordSink } from '#libs/kafka/src/index.js';
import { createKafkajsCluster, TopicsAdmin } from '#libs/kafka/src/kafka.module.js';
import { readTopic, servicesFrom, testConfiguration, waitFor, type TestDestination } from '#libs/testkit/src/index.js';
import { deliverBoundsDefault, type DeliverBounds } from '../deliver.config.js';
import { openDestinations } from '../deliver.destinations.js';
import type { Destination } from '../deliver.ports.js';
import { createDeliverProcess, type DeliverProcess } from '../deliver.process.js';
import { deliveryRecord, listeningReport, readDeliveryRecord, readFact, type Told } from './deliver.world.js';

export type RealProcess = Readonly<{
  process: DeliverProcess;
  told: Told;
  cluster: LogCluster;
  breakers: Breakers | null;
  stop(): Promise<void>;
}>;
export type ProcessOptions = Readonly<{
  bounds?: Partial<DeliverBounds>;
  through?: (destination: Destination) => Destination;
  /** With breakers, shared with the world's other processes. */
  breakers?: true;
}>;

/** Deliver on the real Kafka, Redis and registry, under a prefix of its own. */
export class RealWorld {
  private readonly ends: (() => Promise<unknown>)[] = [];

  readonly prefix: string;
  readonly codec: Codec;
  readonly redis: RedisConnection;
  readonly cluster: LogCluster;
  readonly topics: TopicNames;

  private constructor(
    readonly config: HoldfastConfig,
    private readonly sink: RecordSink,
    open: Readonly<{ codec: Codec; redis: RedisConnection; cluster: LogCluster }>,
  ) {
    this.prefix = config.topics.prefix;
    this.topics = topicNames(this.prefix);
    this.codec = open.codec;
    this.redis = open.redis;
    this.cluster = open.cluster;
  }

  static async open(destinations: readonly TestDestination[], tiers: readonly string[] = ['300ms', '600ms']): Promise<RealWorld> {
    const given = servicesFrom(process.env);
    if (!given) throw new Error('KAFKA_BROKERS, REDIS_URL, SCHEMA_REGISTRY_URL and DATABASE_URL are needed: run `npm run test:int`');
    const prefix = `dl${randomUUID().slice(0, 8)}.`;
    const config = configured(prefix, destinations, tiers);
    const { brokers, redisUrl, registryUrl } = given;
    const admin = new TopicsAdmin({ brokers });
    await admin.applyTopics(topicPlan(config));
    admin.close();
    const codec = await openCodec(new HttpRegistry(registryUrl), { register: true });
    const redis = RedisConnection.open({ url: redisUrl, name: 'deliver-test' });
    await redis.whenReady(10_000);
    const cluster = createKafkajsCluster({ brokers });
    const world = new RealWorld(config, await cluster.sink(), { codec, redis, cluster });
    world.ends.push(
      async () => redis.close(),
      () => cluster.close(),
      () => world.forgetMarks(),
    );
    return world;
  }

  async close(): Promise<void> {
    for (const end of this.ends.splice(0).reverse()) await end();
  }

  /** Another process of the app, joined to its groups. */
  async start({ bounds, through = (destination) => destination, breakers: wanted }: ProcessOptions = {}): Promise<RealProcess> {
    const { config, codec, redis, topics, prefix } = this;
    const { brokers } = servicesFrom(process.env)!;
    const cluster = createKafkajsCluster({ brokers }, { tuning: { heartbeatMs: 300, stopMaxMs: 4_000 } });
    const { report, told } = listeningReport();
    const breakers = wanted ? this.breakers(told) : null;
    const opened = openDestinations({
      ...(breakers && { breakers }),
      transforms: { run: async () => ({ ok: false, code: 'transform-unusable', error: 'none here' }), close: async () => {} },
      config,
      secrets: { get: () => [], close: () => {} },
      tokens: new MemoryTokenStore(),
      credentialTelling: () => {
        throw new Error('no destination of this world has credentials');
      },
      clock: systemClock,
      bounds: { ...deliverBoundsDefault, ...bounds },
    });
    breakers?.start();
    const running = createDeliverProcess({
      cluster,
      ports: { clock: systemClock, codec, marks: new RedisAttemptMarksStore(redis, prefix), report, logger: silentLogger, topics },
      destinations: opened.destinations.map(through),
      tiers: config.retry.tiers,
      topicPrefix: prefix,
      ...(bounds && { bounds }),
    });
    await running.start();
    let isStopped = false;
    const stop = async (): Promise<void> => {
      if (isStopped) return;
      isStopped = true;
      await running.stop();
      await breakers?.close();
      await opened.close();
      await cluster.close();
    };
    this.ends.push(stop);
    return { process: running, told, cluster, breakers, stop };
  }

  private breakers(told: Told): Breakers {
    const breakerChanged = (name: string, before: BreakerState, after: BreakerState): void =>
      void told.breakers.push(`${name} ${before.phase.kind}→${after.phase.kind}`);
    const store = new RedisBreakerStore(this.redis, this.prefix);
    return new Breakers({ store, clock: systemClock, me: randomUUID(), report: { breakerChanged } });
  }

  async append(deliveries: readonly Delivery[]): Promise<void> {
    await this.sink.append(deliveries.map((each) => deliveryRecord(this.codec, this.topics.deliveries(each.destination), each)));
  }

  async appendRaw(topic: string, value: Buffer): Promise<void> {
    await this.sink.append([{ topic, key: 'k', value, headers: { ce_id: 'ev-raw', ce_type: 'order.updated', ce_source: 'shop' } }]);
  }

  async records(topic: string): Promise<LogRecord[]> {
    const found: LogRecord[] = [];
    for await (const record of readTopic(this.cluster, topic)) found.push(record);
    return found;
  }

  async facts(): Promise<Fact[]> {
    return (await this.records(this.topics.ledger)).map((record) => readFact(this.codec, record));
  }

  async deadLetters(): Promise<Delivery[]> {
    return (await this.records(this.topics.dlq)).map((record) => readDeliveryRecord(this.codec, record));
  }

  /** Waits until as many deliveries have come to an end, and answers their last facts. */
  async ended(count: number, withinMs = 20_000): Promise<Fact[]> {
    return waitFor(
      async () => {
        const ends = (await this.facts()).filter(({ fact }) => fact !== 'attempted');
        return ends.length >= count && ends;
      },
      { what: `${count} deliveries to end`, withinMs, everyMs: 200 },
    );
  }

  /** What this world wrote to Redis, and nothing else: the server may be shared. */
  async forgetMarks(): Promise<void> {
    await this.redis.session().run('forget', async (client) => {
      for await (const keys of client.scanStream({ match: `${this.prefix}*`, count: 1_000 }))
        if ((keys as string[]).length > 0) await client.unlink(keys as string[]);
    });
  }
}

function configured(prefix: string, destinations: readonly TestDestination[], tiers: readonly string[]): HoldfastConfig {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-deliver-'));
  const path = join(folder, 'holdfast.yaml');
  writeFileSync(path, JSON.stringify(testConfiguration({ prefix, partitions: 2, tiers, destinations })));
  const loaded = loadConfig(path);
  rmSync(folder, { recursive: true });
  if (!loaded.ok) throw new Error(loaded.faults.map(({ path: at, problem }) => `${at}: ${problem}`).join('\n'));
  return loaded.config;
}
