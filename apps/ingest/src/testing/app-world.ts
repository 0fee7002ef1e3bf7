import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { stringify } from 'yaml';
import { HttpRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import { topicNames, type HoldfastEvent } from '#libs/domain/src/index.js';
import type { LogCluster, LogRecord } from '#libs/kafka/src/index.js';
import { createKafkajsCluster } from '#libs/kafka/src/kafka.module.js';
import { AppHandle, freePort } from '#libs/testkit/src/index.js';

export type AppWorldOptions = Readonly<{
  brokers: readonly string[];
  registryUrl: string;
  /** `sources` of the configuration, given what producers' topics begin with (not as Holdfast's own do). */
  sources: (sourcePrefix: string) => readonly unknown[];
  /** Producers' topics to make before the app starts. */
  sourceTopics?: readonly string[];
}>;

const PARTITIONS = 3;
export const SECRET = 'a-secret-of-the-shop';

type Parts = Readonly<{
  prefix: string;
  app: AppHandle;
  url: string;
  codec: Codec;
  cluster: LogCluster;
  brokers: readonly string[];
  folder: string;
}>;

/** `ingest` as it ships: the real process on the real services, under a prefix of its own. */
export class AppWorld {
  readonly prefix: string;
  readonly app: AppHandle;
  readonly url: string;
  readonly codec: Codec;

  private constructor(private readonly parts: Parts) {
    ({ prefix: this.prefix, app: this.app, url: this.url, codec: this.codec } = parts);
  }

  static async open({ brokers, registryUrl, sources, sourceTopics = [] }: AppWorldOptions): Promise<AppWorld> {
    const prefix = `t${randomBytes(5).toString('hex')}.`;
    const folder = mkdtempSync(join(tmpdir(), 'ingest-'));
    writeFileSync(join(folder, 'secret'), `${SECRET}\n`, { mode: 0o600 });
    const configuration = {
      version: 1,
      singleNode: true,
      environment: 'dev',
      topics: { prefix, partitions: PARTITIONS },
      sources: sources(`s${prefix}`),
      destinations: [{ name: 'nobody', http: { url: 'http://127.0.0.1:9/' }, unknown: { resolve: 'resend' } }],
      routes: [{ types: ['*'], to: 'nobody' }],
      eventTypes: [{ type: 'order.updated' }],
    };
    writeFileSync(join(folder, 'holdfast.yaml'), stringify(configuration));
    const codec = await openCodec(new HttpRegistry(registryUrl), { register: true });
    const [ingestPort, adminPort] = [await freePort(), await freePort()];
    const env = {
      HOLDFAST_CONFIG: join(folder, 'holdfast.yaml'),
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      INGEST_PORT: String(ingestPort),
    };
    const app = new AppHandle('ingest', 0, adminPort, { env, logFile: join(folder, 'ingest.log') });
    const world = new AppWorld({
      prefix,
      app,
      url: `http://127.0.0.1:${ingestPort}`,
      codec,
      cluster: createKafkajsCluster({ brokers }),
      brokers,
      folder,
    });
    await world.createTopics([topicNames(prefix).events, ...sourceTopics.map((topic) => `s${prefix}${topic}`)]);
    app.start();
    await app.ready();
    return world;
  }

  get sourcePrefix(): string {
    return `s${this.prefix}`;
  }

  async createTopics(topics: readonly string[]): Promise<void> {
    await this.withAdmin((admin) =>
      admin.createTopics({
        waitForLeaders: true,
        topics: topics.map((topic) => ({
          topic,
          numPartitions: PARTITIONS,
          replicationFactor: 1,
          configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
        })),
      }),
    );
  }

  /** All that a read-committed reader sees of `hf.events`. */
  async records(): Promise<LogRecord[]> {
    const topic = topicNames(this.prefix).events;
    const found: LogRecord[] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const reader = this.parts.cluster.reader(topic, partition);
      const { endOffset } = await reader.bounds();
      for (let offset = 0; offset < endOffset;) {
        const chunk = await reader.read(offset, { records: 1_000, waitMs: 500 });
        found.push(...chunk.records);
        offset = chunk.nextOffset;
      }
    }
    return found;
  }

  async events(): Promise<HoldfastEvent[]> {
    return (await this.records()).map(({ value }) => {
      const decoded = this.codec.decodeSync('Event', value!);
      if (!decoded.ok) throw new Error(`an event that cannot be read: ${decoded.code}`);
      return decoded.value;
    });
  }

  async readyz(): Promise<{ status: number; body: { missing: { check: string; missing: string }[] } }> {
    const answer = await fetch(`${this.app.adminUrl}/readyz`, { signal: AbortSignal.timeout(5_000) });
    return { status: answer.status, body: (await answer.json()) as { missing: { check: string; missing: string }[] } };
  }

  async close(): Promise<void> {
    await this.app.stop();
    await this.parts.cluster.close();
    await this.withAdmin(async (admin) => {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(this.prefix) || topic.startsWith(this.sourcePrefix));
      if (topics.length > 0) await admin.deleteTopics({ topics });
    }).catch(() => undefined);
    rmSync(this.parts.folder, { recursive: true, force: true });
  }

  private async withAdmin<T>(work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
    const admin = new Kafka({ brokers: [...this.parts.brokers], logLevel: logLevel.NOTHING, retry: { retries: 5 } }).admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }
}
