import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { servicesFrom, type Services } from '#libs/testkit/src/index.js';

/** The services a benchmark runs on; all given by environment, so that it measures the same stack as everything else. */
export function servicesFromEnvironment(): Services {
  const services = servicesFrom(process.env);
  if (services) return services;
  process.stderr.write(
    'KAFKA_BROKERS, REDIS_URL, SCHEMA_REGISTRY_URL and DATABASE_URL are needed: `npm run bench` starts the stack and sets them\n',
  );
  process.exit(2);
}

export const randomPrefix = (): string => `b${randomBytes(4).toString('hex')}.`;

export async function createTopics(brokers: readonly string[], topics: readonly string[], partitions: number): Promise<void> {
  const admin = new Kafka({ clientId: 'bench-admin', brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await admin.createTopics({
      topics: topics.map((topic) => ({ topic, numPartitions: partitions, replicationFactor: 1 })),
      waitForLeaders: true,
    });
  } finally {
    await admin.disconnect();
  }
}

export async function deleteTopics(brokers: readonly string[], prefix: string): Promise<void> {
  const admin = new Kafka({ clientId: 'bench-admin', brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  } finally {
    await admin.disconnect();
  }
}
