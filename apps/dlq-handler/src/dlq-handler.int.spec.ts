import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import pg from 'pg';
import { groupNames, topicNames } from '#libs/domain/src/index.js';
import { MemoryRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import { PartitionOwner, systemClock, type LogCluster, type Owner, type PartitionLog } from '#libs/kafka/src/index.js';
import { createKafkajsCluster } from '#libs/kafka/src/kafka.module.js';
import type { Entry } from './decide-entry.js';
import { PostgresDeadLetterStore } from './dead-letter-store.postgres.js';
import { createDlqHandlerProcess, type DlqHandlerProcess } from './dlq-handler.process.js';
import { delivery, event } from './testing/entry.builder.js';

// Goal: on the real Kafka and the real Postgres, each dead letter stands once, whatever dies between the insert and the commit.
// Method: a process whose commits never come through stores everything and ends; another one reads it all again.
const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',');
const url = process.env['DATABASE_URL'];
if (!url || !brokers[0]) throw new Error('set KAFKA_BROKERS and DATABASE_URL, or run `npm run test:int`, which starts them');
const PARTITIONS = 2;

let admin: Admin;
let database: pg.Pool;
let codec: Codec;
let prefix: string;
let schema: string;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  prefix = `t${randomBytes(6).toString('hex')}.`;
  schema = prefix.replace('.', '');
  admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const { dlq, invalid } = topicNames(prefix);
  const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }];
  await admin.createTopics({
    waitForLeaders: true,
    topics: [dlq, invalid].map((topic) => ({ topic, numPartitions: PARTITIONS, configEntries })),
  });
  database = new pg.Pool({ connectionString: url, max: 1 });
  codec = await openCodec(new MemoryRegistry(), { register: true });
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await admin.deleteTopics({ topics: [topicNames(prefix).dlq, topicNames(prefix).invalid] });
  await admin.disconnect();
  await database.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await database.end();
});

function open(told: Entry[], owner: (log: PartitionLog) => Owner): { handler: DlqHandlerProcess; cluster: LogCluster } {
  const cluster = createKafkajsCluster({ brokers }, { tuning: { heartbeatMs: 300, stopMaxMs: 1_000 } });
  const store = new PostgresDeadLetterStore({ url: url!, schema });
  closing.push(
    () => store.close(),
    () => cluster.close(),
  );
  const telling = { stored: (entries: readonly Entry[]) => void told.push(...entries), waiting: () => {} };
  const ports = { owner, codec, store, telling, clock: systemClock };
  return { handler: createDlqHandlerProcess({ cluster, ports, topics: topicNames(prefix), groups: groupNames(prefix) }), cluster };
}

const start = ({ works }: DlqHandlerProcess) => Promise.all(works.map(({ source, work }) => source.start(work)));
const stop = ({ works }: DlqHandlerProcess) => Promise.all(works.map(({ source }) => source.stop()));

const realOwner = (log: PartitionLog): Owner => new PartitionOwner(log, { begin: 'own-topic' });

/** Acquires as it should, and dies with every commit under way. */
function dyingOwner(log: PartitionLog): Owner {
  const real = realOwner(log);
  return { acquire: () => real.acquire(), prove: () => real.prove(), current: () => real.current(), settle: () => new Promise(() => {}) };
}

async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const endsAt = Date.now() + 30_000; !(await isTrue());) {
    if (Date.now() > endsAt) throw new Error(`waited for 30 s in vain: ${what}`);
    await systemClock.sleep(50);
  }
}

async function rows(): Promise<number> {
  const { rows: found } = await database.query<{ count: string }>(`SELECT count(*) FROM ${schema}.dead_letters`);
  return Number(found[0]!.count);
}

describe('dlq-handler on Kafka and Postgres', () => {
  it('keeps each record once across a death between the insert and the commit', async () => {
    const told: Entry[] = [];
    const dying = open(told, dyingOwner);
    await start(dying.handler);
    const { dlq, invalid } = topicNames(prefix);
    await until(() => dying.handler.status().every(({ partitions }) => partitions.length === PARTITIONS), 'both topics assigned');
    // Each partition's first owner commits an offset before records come: afterwards a missing one would be an alert (rule 4).
    await until(async () => (await offsets(dying.cluster)).every((offset) => offset === 0), 'first commits');

    const sink = await dying.cluster.sink();
    const deadLetters = Array.from({ length: 60 }, (_, i) => ({
      topic: dlq,
      key: `order-${i}`,
      value: codec.encode('Delivery', delivery({ id: `dlv-${i}`, event: event({ id: `evt-${i}`, subject: `order-${i}` }) })),
      headers: {},
    }));
    const events = Array.from({ length: 20 }, (_, i) => ({
      topic: invalid,
      key: `order-${i}`,
      value:
        i % 2
          ? Buffer.from(`not avro ${i}`)
          : codec.encode('Event', event({ id: `bad-${i}`, faults: [{ pointer: '', code: 'not-json', message: 'not JSON' }] })),
      headers: { ce_id: `bad-${i}` },
    }));
    await sink.append([...deadLetters, ...events]);
    const hasStored = () => told.length > 0;
    await until(hasStored, 'something stored by the dying process');
    await stop(dying.handler);
    const before = await rows();
    expect(before).toBeGreaterThan(0);
    expect(await offsets(dying.cluster)).toEqual([0, 0, 0, 0]);

    const living = open(told, realOwner);
    await start(living.handler);
    await until(
      async () => (await offsets(living.cluster)).reduce<number>((sum, offset) => sum + (offset ?? 0), 0) === 80,
      'all committed',
    );
    expect(await rows()).toBe(80);
    expect(told).toHaveLength(80);
    expect(new Set(told.map((entry) => `${entry.topic}/${entry.partition}/${entry.offset}`)).size).toBe(80);
    const { rows: kinds } = await database.query(`SELECT kind, count(*)::int AS count FROM ${schema}.dead_letters GROUP BY 1 ORDER BY 1`);
    expect(kinds).toEqual([
      { kind: 'dead-letter', count: 60 },
      { kind: 'invalid', count: 10 },
      { kind: 'unreadable', count: 10 },
    ]);
    await stop(living.handler);
  });
});

async function offsets(cluster: LogCluster): Promise<(number | null)[]> {
  const groups = groupNames(prefix);
  const topics = topicNames(prefix);
  const places = (['dlq', 'invalid'] as const).flatMap((room) =>
    Array.from({ length: PARTITIONS }, (_, partition) => ({ room, partition })),
  );
  return Promise.all(
    places.map(async ({ room, partition }) => (await cluster.committed(groups[room], topics[room], partition))?.offset ?? null),
  );
}
