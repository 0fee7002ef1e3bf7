import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, type Admin, type Producer } from 'kafkajs';
import type { LogCluster } from './log.port.js';
import { createKafkajsCluster } from './kafkajs-log.js';
import { logContract } from './testing/log.contract.js';

const brokers = (process.env.KAFKA_BROKERS ?? 'localhost:9092').split(',');
const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20, retries: 20 } });

logContract('kafkajs', async () => {
  const admin = kafka.admin();
  await admin.connect();
  const clusters: LogCluster[] = [];
  const producers: Producer[] = [];
  const topics: string[] = [];
  return {
    process: () => {
      const cluster = createKafkajsCluster({ brokers }, { tuning: { heartbeatMs: 300, askMaxMs: 5_000 } });
      clusters.push(cluster);
      return cluster;
    },
    createTopic: (partitions, name) => createTopic(admin, partitions, topics, name),
    begin: async (transactionalId) => {
      const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
      producers.push(producer);
      await producer.connect();
      const transaction = await producer.transaction();
      return {
        send: async ({ topic, key, value, headers }) =>
          void (await transaction.send({ topic, messages: [{ key, value, headers: { ...headers } }] })),
        commit: () => transaction.commit(),
        abort: () => transaction.abort(),
      };
    },
    trim: async (topic, partition, startOffset) => {
      await admin.fetchTopicOffsets(topic); // kafkajs looks for the leader before it has asked for one.
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(startOffset) }] });
    },
    close: async () => {
      await Promise.all(clusters.map((cluster) => cluster.close()));
      await Promise.all(producers.map((producer) => producer.disconnect()));
      await admin.deleteTopics({ topics });
      await admin.disconnect();
    },
  };
});

async function createTopic(admin: Admin, numPartitions: number, made: string[], topic = `kafka-int-${randomUUID()}`): Promise<string> {
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions, configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] }],
  });
  made.push(topic);
  return topic;
}

// Goal: the reason for our own filter (rule 1), seen on the real broker. The day kafkajs shows one record here, the filter may go.
describe('overlapping aborted transactions', () => {
  it("leak through kafkajs's own consumer and not through ours, whatever their keys look like", async () => {
    const admin = kafka.admin();
    await admin.connect();
    const topics: string[] = [];
    const topic = await createTopic(admin, 1, topics);
    const producers = ['x', 'y', 'z'].map((name) =>
      kafka.producer({ transactionalId: `${topic}-${name}`, idempotent: true, maxInFlightRequests: 1 }),
    );
    await Promise.all(producers.map((producer) => producer.connect()));
    const zero = Buffer.alloc(4); // kafkajs takes a record with this key for an abort marker.
    const [long, short, good] = await Promise.all(producers.map((producer) => producer.transaction()));
    await long!.send({ topic, messages: [{ key: 'k', value: 'aborted x1' }] });
    await short!.send({ topic, messages: [{ key: 'k', value: 'aborted y1' }] });
    await short!.abort();
    await long!.send({ topic, messages: [{ key: zero, value: 'aborted x2' }] });
    await long!.send({ topic, messages: [{ key: 'k', value: 'aborted x3' }] });
    await long!.abort();
    await good!.send({ topic, messages: [{ key: zero, value: 'committed z1' }] });
    await good!.commit();

    const theirs: string[] = [];
    const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => void theirs.push(String(message.value)) });
    const cluster = createKafkajsCluster({ brokers });
    const ours: string[] = [];
    const reader = cluster.reader(topic, 0);
    for (let at = 0, quiet = 0; quiet < 5;) {
      const chunk = await reader.read(at, { records: 100, waitMs: 200 });
      ours.push(...chunk.records.map(({ value }) => String(value)));
      quiet = chunk.nextOffset === at ? quiet + 1 : 0;
      at = chunk.nextOffset;
    }
    for (let tries = 0; tries < 100 && !theirs.includes('committed z1'); tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 100));
    await Promise.all([cluster.close(), consumer.disconnect(), ...producers.map((producer) => producer.disconnect())]);
    await admin.deleteTopics({ topics });
    await admin.disconnect();

    expect(ours).toEqual(['committed z1']);
    expect(theirs.filter((value) => value.startsWith('aborted')).length).toBeGreaterThan(0);
  });
});

describe('the watch over partitions', () => {
  it('calls a partition stuck that has records and is not read, and no longer when it is', async () => {
    const admin = kafka.admin();
    await admin.connect();
    const topics: string[] = [];
    const topic = await createTopic(admin, 2, topics);
    const cluster = createKafkajsCluster({ brokers }, { tuning: { stuckAfterMs: 800 } });
    const sink = await cluster.sink();
    const source = cluster.source({ group: topic, topic });
    const go = new AbortController();
    await source.start(async (log, lease) => {
      for (let at = 0; !lease.revoked.aborted;) {
        if (log.partition === 0 && at > 0 && !go.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 50));
        else at = (await log.read(at, { records: 10, waitMs: 200 }, lease.revoked)).nextOffset;
      }
    });
    const append = (): Promise<unknown> =>
      sink.append([0, 1].map((partition) => ({ topic, partition, key: null, value: null, headers: {} })));
    await append();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(source.status().stuck).toEqual([]); // Nothing to read is not stuck.
    await append();
    await eventually(() => expect(source.status().stuck).toEqual([0]));
    go.abort();
    await eventually(() => expect(source.status().stuck).toEqual([]));
    await cluster.close();
    await admin.deleteTopics({ topics });
    await admin.disconnect();
  });
});

async function eventually(holds: () => void): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      return holds();
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
