import { randomUUID } from 'node:crypto';
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
    createTopic: (partitions) => createTopic(admin, partitions, topics),
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

async function createTopic(admin: Admin, numPartitions: number, made: string[]): Promise<string> {
  const topic = `kafka-int-${randomUUID()}`;
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions, configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] }],
  });
  made.push(topic);
  return topic;
}
