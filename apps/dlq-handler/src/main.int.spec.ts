import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import pg from 'pg';
import { stringify } from 'yaml';
import { groupNames, topicNames } from '#libs/domain/src/index.js';
import { HttpRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import type { LogCluster, OutRecord } from '#libs/kafka/src/index.js';
import { createKafkajsCluster } from '#libs/kafka/src/kafka.module.js';
import {
  AppHandle,
  freePort,
  runSeed,
  seededRandom,
  servicesEnvironment,
  servicesFrom,
  testConfiguration,
  waitFor,
  type Services,
} from '#libs/testkit/src/index.js';
import { delivery, event } from './testing/entry.builder.js';

// Goal: the app as it runs keeps each dead letter once and its depths true over kills and an outage of Postgres.
// Method: the real process, killed -9 at random moments while records come; the seed stands in every failure.
const found = servicesFrom(process.env);
if (!found)
  throw new Error('set KAFKA_BROKERS, REDIS_URL, SCHEMA_REGISTRY_URL and DATABASE_URL, or run `npm run test:int`, which starts them');
const services: Services = found;
const seed = runSeed();
const PARTITIONS = 2;

let admin: Admin;
let database: pg.Pool;
let codec: Codec;
let cluster: LogCluster;
let prefix: string;
let folder: string;
let app: AppHandle;

beforeEach(async () => {
  prefix = `t${randomBytes(6).toString('hex')}.`;
  folder = mkdtempSync(join(tmpdir(), 'holdfast-dlq-'));
  const destinations = [{ name: 'portal', url: 'http://127.0.0.1:9/{entity}' }];
  writeFileSync(
    join(folder, 'holdfast.yaml'),
    stringify(testConfiguration({ prefix, partitions: PARTITIONS, sources: ['erp'], destinations })),
  );
  admin = new Kafka({ brokers: [...services.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }];
  await admin.createTopics({
    waitForLeaders: true,
    topics: ownTopics().map((topic) => ({ topic, numPartitions: topic === topicNames(prefix).commands ? 1 : PARTITIONS, configEntries })),
  });
  database = new pg.Pool({ connectionString: services.databaseUrl, max: 1 });
  codec = await openCodec(new HttpRegistry(services.registryUrl), { register: true });
  cluster = createKafkajsCluster({ brokers: [...services.brokers] });
  app = await appOn(services);
});
afterEach(async () => {
  await app.stop();
  await cluster.close();
  await admin.deleteTopics({ topics: ownTopics() });
  await admin.disconnect();
  await database.query(`DROP SCHEMA IF EXISTS ${schema()} CASCADE`);
  await database.end();
  rmSync(folder, { recursive: true, force: true });
});

const ownTopics = (): string[] => {
  const { dlq, invalid, commands, ledger } = topicNames(prefix);
  return [dlq, invalid, commands, ledger];
};
const schema = (): string => `holdfast_${prefix.replace('.', '')}`;
const appOn = async (on: Services, port?: number): Promise<AppHandle> =>
  new AppHandle('dlq-handler', 0, port ?? (await freePort()), {
    env: { ...servicesEnvironment(on), HOLDFAST_CONFIG: join(folder, 'holdfast.yaml') },
    logFile: join(folder, 'dlq-handler.log'),
  });

const deadLetter = (i: number): OutRecord => ({
  topic: topicNames(prefix).dlq,
  key: `order-${i}`,
  value: codec.encode(
    'Delivery',
    delivery({ id: `dlv-${i}`, event: event({ id: `evt-${i}`, subject: `order-${i}`, correlationid: `corr-${i}` }) }),
  ),
  headers: {},
});

async function rows(): Promise<number> {
  try {
    const { rows: counted } = await database.query<{ count: string }>(`SELECT count(*) FROM ${schema()}.dead_letters`);
    return Number(counted[0]!.count);
  } catch {
    return 0; // The tables are not there yet.
  }
}

/** As `topics apply` leaves it: a record without a committed offset before it would hold its partition (rule 4). */
async function firstCommits(): Promise<void> {
  const places = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const committed = async () => {
    const offsets = await Promise.all(
      places.map((partition) => cluster.committed(groupNames(prefix).dlq, topicNames(prefix).dlq, partition)),
    );
    return offsets.every((offset) => offset !== null);
  };
  await waitFor(committed, { what: 'first commits', withinMs: 20_000, everyMs: 50, seen: () => app.output().slice(-500) });
}

const depth = async (): Promise<number> =>
  (await app.metrics()).sum('holdfast_dlq_depth', { destination: 'portal', type: 'order.updated' });

describe('dlq-handler as it runs', () => {
  it('keeps 2,000 dead letters once each over four kills, and its depth is true after the last start', async () => {
    const random = seededRandom(seed);
    app.start();
    await firstCommits();
    const sink = await cluster.sink();
    const appending = (async () => {
      for (let from = 0; from < 2_000; from += 50) {
        await sink.append(Array.from({ length: 50 }, (_, i) => deadLetter(from + i)));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    for (let kills = 0; kills < 4; kills++) {
      await new Promise((resolve) => setTimeout(resolve, 100 + random.between(0, 900)));
      await app.kill();
      app.start();
    }
    await appending;
    await waitFor(async () => (await rows()) === 2_000, {
      what: `2,000 rows (seed ${seed})`,
      withinMs: 30_000,
      everyMs: 100,
      seen: () => app.output().slice(-500),
    });
    await waitFor(async () => (await depth()) === 2_000, {
      what: `a depth of 2,000 (seed ${seed})`,
      withinMs: 20_000,
      everyMs: 200,
      seen: () => '',
    });
    await app.stop();
    app.start();
    await app.ready();
    await waitFor(async () => (await depth()) === 2_000, {
      what: 'the same depth after a start',
      withinMs: 10_000,
      everyMs: 100,
      seen: () => '',
    });
    const { rows: distinct } = await database.query(
      `SELECT count(DISTINCT delivery)::int AS deliveries, count(*)::int AS rows FROM ${schema()}.dead_letters`,
    );
    expect(distinct).toEqual([{ deliveries: 2_000, rows: 2_000 }]);
  }, 120_000);

  it('is up but not ready while Postgres is away, and catches up when it comes', async () => {
    const port = await freePort();
    app = await appOn({ ...services, databaseUrl: `postgres://x@127.0.0.1:${await freePort()}/x` }, port);
    app.start();
    const readyz = async () => {
      const answer = await fetch(`${app.adminUrl}/readyz`);
      return { status: answer.status, text: await answer.text() };
    };
    const joined = async () => (await readyz()).text.includes('"kafka":"ok"');
    await firstCommits();
    await waitFor(joined, { what: 'the groups joined', withinMs: 20_000, everyMs: 100, seen: () => app.output().slice(-500) });
    await (await cluster.sink()).append([deadLetter(1)]);
    const waits = async () => (await readyz()).text.includes('Postgres cannot keep dead letters');
    await waitFor(waits, { what: 'readyz names Postgres', withinMs: 10_000, everyMs: 100, seen: () => app.output().slice(-500) });
    expect((await readyz()).status).toBe(503);
    expect((await fetch(`${app.adminUrl}/livez`)).status).toBe(200);
    expect((await app.stop())?.code).toBe(0);
    app = await appOn(services, port);
    app.start();
    await app.ready();
    await waitFor(async () => (await rows()) === 1, {
      what: 'the row',
      withinMs: 10_000,
      everyMs: 100,
      seen: () => app.output().slice(-500),
    });
  });
});
