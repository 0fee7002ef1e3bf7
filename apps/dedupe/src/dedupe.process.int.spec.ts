import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { HttpRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import { topicNames, type Fact } from '#libs/domain/src/index.js';
import { RedisConnection, RedisSeenStore } from '#libs/identity/src/identity.module.js';
import { PartitionOwner, systemClock, type LogCluster, type LogRecord, type PartitionLog, type RecordSink } from '#libs/kafka/src/index.js';
import { createKafkajsCluster } from '#libs/kafka/src/kafkajs-log.js';
import { seededRandom, servicesFrom, waitFor } from '#libs/testkit/src/index.js';
import { createDedupeProcess, type DedupeProcess } from './dedupe.process.js';
import type { DedupeNews } from './dedupe.ports.js';
import { eventRecord, readDelivery, readFact, testConfig, testEvent } from './testing/dedupe.world.js';

// Goal: on real Kafka and Redis each unique event is routed once, and each duplicate's fact names the position it doubles; also when
// Redis forgets in mid-load, and when an owner that lost its partition wakes up with a transaction in its hands.
const given = servicesFrom(process.env);
if (!given) throw new Error('KAFKA_BROKERS, REDIS_URL, SCHEMA_REGISTRY_URL and DATABASE_URL are needed: run `npm run test:int`');
const { brokers, redisUrl, registryUrl } = given;
const partitions = 4;
const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
let admin: Admin;
let codec: Codec;
let redis: RedisConnection;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  admin = kafka.admin();
  await admin.connect();
  codec = await openCodec(new HttpRegistry(registryUrl), { register: true });
  redis = RedisConnection.open({ url: redisUrl, name: 'dedupe-test' });
  await redis.whenReady(10_000);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(async () => {
  await redis.close();
  await admin.disconnect();
});

const forget = (match: string): Promise<void> =>
  redis.session().run('forget', async (client) => {
    for await (const keys of client.scanStream({ match, count: 1_000 }))
      if ((keys as string[]).length > 0) await client.unlink(keys as string[]);
  });

type Own = (log: PartitionLog) => PartitionOwner;

async function world() {
  const prefix = `dd${randomUUID().slice(0, 8)}.`;
  const topics = topicNames(prefix);
  const all = [topics.events, topics.ledger, topics.invalid, topics.deliveries('portal')];
  await admin.createTopics({
    waitForLeaders: true,
    topics: all.map((topic) => ({
      topic,
      numPartitions: partitions,
      configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
    })),
  });
  ends.push(
    () => admin.deleteTopics({ topics: all }),
    () => forget(`${prefix}*`),
  );
  const config = testConfig(prefix, { batchMaxRecords: 100 });
  const news: (DedupeNews & { who: string })[] = [];
  const start = async (who: string, own?: Own): Promise<DedupeProcess> => {
    const cluster = createKafkajsCluster({ brokers }, { tuning: { heartbeatMs: 300 } });
    const tell = (one: DedupeNews): void => void news.push({ ...one, who });
    const dedupe = createDedupeProcess({
      cluster,
      seen: new RedisSeenStore(redis, prefix),
      codec,
      clock: systemClock,
      config,
      prefix,
      tell,
      own,
    });
    ends.push(() => cluster.close());
    await dedupe.start();
    return dedupe;
  };
  const cluster = createKafkajsCluster({ brokers });
  ends.push(() => cluster.close());
  const owned = () =>
    waitFor(() => new Set(news.flatMap((one) => (one.kind === 'owned' ? [one.partition] : []))).size === partitions, {
      what: 'owned',
      withinMs: 20_000,
    });
  return { prefix, topics, config, news, start, cluster, sink: await cluster.sink(), owned };
}

async function readAll(cluster: LogCluster, topic: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const reader = cluster.reader(topic, partition);
    const { startOffset, endOffset } = await reader.bounds();
    for (let at = startOffset; at < endOffset;) {
      const chunk = await reader.read(at, { records: 1_000, waitMs: 1_000 });
      records.push(...chunk.records);
      if (chunk.nextOffset === at) break;
      at = chunk.nextOffset;
    }
  }
  return records;
}

/** Appends events with repeated keys; answers how many there are. An entity determines its keys' partition. */
async function sendMany(sink: RecordSink, topic: string, range: { from: number; count: number; seed: number }): Promise<void> {
  const random = seededRandom(range.seed);
  for (let n = range.from; n < range.from + range.count; n += 100) {
    const records = Array.from({ length: 100 }, (_, i) => {
      const revision = random.between(0, 399);
      const entity = `order-${revision % 50}`;
      return eventRecord(codec, topic, testEvent({ id: `e${n + i}`, key: `${entity}/${revision}`, subject: entity }));
    });
    await sink.append(records);
  }
}

async function judgedFacts(w: Awaited<ReturnType<typeof world>>, count: number): Promise<Fact[]> {
  let facts: Fact[] = [];
  await waitFor(
    async () => (facts = (await readAll(w.cluster, w.topics.ledger)).map((record) => readFact(codec, record))).length >= count,
    {
      what: `${count} facts`,
      withinMs: 60_000,
      everyMs: 500,
    },
  );
  return facts;
}

/** What must hold of any run, judged from Kafka alone. */
async function expectOneVerdictEach(w: Awaited<ReturnType<typeof world>>, facts: readonly Fact[], count: number): Promise<void> {
  const events = (await readAll(w.cluster, w.topics.events)).map((record) => ({
    position: `${record.topic}/${record.partition}/${record.offset}`,
    record,
  }));
  expect(events).toHaveLength(count);
  const byPosition = new Map(facts.map((fact) => [fact.eventposition, fact]));
  expect(facts).toHaveLength(count);
  expect(byPosition.size).toBe(count);
  const firstOf = new Map<string, string>();
  for (const { position, record } of events) {
    const read = codec.decodeSync('Event', record.value!);
    if (!read.ok) throw new Error(read.code);
    const first = firstOf.get(read.value.idempotencykey);
    firstOf.set(read.value.idempotencykey, first ?? position);
    const { verdict, duplicateof } = byPosition.get(position)!;
    expect({ position, verdict, duplicateof }).toEqual(
      first ? { position, verdict: 'duplicate', duplicateof: first } : { position, verdict: 'accepted', duplicateof: null },
    );
  }
  const deliveries = (await readAll(w.cluster, w.topics.deliveries('portal'))).map((record) => readDelivery(codec, record));
  expect(deliveries.map(({ eventposition }) => eventposition).sort()).toEqual([...firstOf.values()].sort());
  expect(new Set(deliveries.map(({ id }) => id)).size).toBe(deliveries.length);
}

describe('dedupe on real Kafka and Redis', () => {
  it('routes each of 2,000 events with duplicates once, and keeps its promise when Redis forgets in mid-load', async () => {
    const w = await world();
    await w.start('a');
    await w.owned();
    await sendMany(w.sink, w.topics.events, { from: 0, count: 1_000, seed: 1 });
    await judgedFacts(w, 500);
    await forget(`${w.prefix}*`);
    await sendMany(w.sink, w.topics.events, { from: 1_000, count: 1_000, seed: 2 });
    const facts = await judgedFacts(w, 2_000);
    await expectOneVerdictEach(w, facts, 2_000);
    expect(w.news.some((one) => one.kind === 'rebuilt')).toBe(true);
  });

  it('refuses the transaction of an owner that wakes up after its partition has moved', async () => {
    const w = await world();
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    let held = 0;
    // The old owner freezes where it hurts most: everything is judged, the transaction is about to begin.
    await w.start('old', (log) => {
      const frozen: PartitionLog = {
        topic: log.topic,
        partition: log.partition,
        group: log.group,
        read: (from, max, signal) => log.read(from, max, signal),
        bounds: () => log.bounds(),
        fence: () => log.fence(),
        committed: () => log.committed(),
        commit: async (batch) => {
          if (batch.records.length > 0) {
            held += 1;
            await gate;
          }
          return log.commit(batch);
        },
      };
      return new PartitionOwner(frozen, { begin: 'own-topic' });
    });
    await w.owned();
    await sendMany(w.sink, w.topics.events, { from: 0, count: 200, seed: 3 });
    await waitFor(() => held >= partitions, { what: 'the old owner to freeze', withinMs: 20_000 });
    await w.start('new');
    const moved = () => w.news.flatMap((one) => (one.who === 'new' && one.kind === 'settled' ? [one.partition] : []));
    await waitFor(() => moved().length > 0, { what: 'partitions to move', withinMs: 30_000 });
    release();
    const facts = await judgedFacts(w, 200);
    await waitFor(() => w.news.some((one) => one.who === 'old' && one.kind === 'left'), {
      what: 'the old owner to leave',
      withinMs: 20_000,
    });
    const why = w.news.flatMap((one) => (one.who === 'old' && one.kind === 'left' ? [one.why] : []));
    expect(why).toContainEqual(expect.stringMatching(/fenced|another owner|epoch/i));
    await expectOneVerdictEach(w, facts, 200);
  });
});
