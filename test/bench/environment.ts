import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';

/** The services a benchmark runs on; all given by environment, so that it measures the same stack as everything else. */
export type BenchServices = Readonly<{ brokers: readonly string[]; redisUrl: string; registryUrl: string; databaseUrl: string }>;

export function servicesFromEnvironment(): BenchServices {
  const need = (name: string): string => {
    const value = process.env[name];
    if (value) return value;
    process.stderr.write(`${name} is not set: run the benchmarks with \`npm run bench\`, which starts the stack, or give its addresses\n`);
    process.exit(2);
  };
  return {
    brokers: need('KAFKA_BROKERS').split(','),
    redisUrl: need('REDIS_URL'),
    registryUrl: need('SCHEMA_REGISTRY_URL'),
    databaseUrl: need('DATABASE_URL'),
  };
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
