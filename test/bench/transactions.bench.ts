import { Kafka, logLevel } from 'kafkajs';
import { createKafkajsCluster } from '#libs/kafka/src/kafkajs-log.js';
import type { OutRecord, PartitionLog } from '#libs/kafka/src/index.js';
import { percentile } from '#libs/testkit/src/index.js';
import type { Bench } from './bench.js';
import { createTopics, deleteTopics, randomPrefix, servicesFromEnvironment } from './environment.js';
import { figure, rounded } from './figures.js';

const RECORDS = 100;
const RECORD_BYTES = 700;
const COMMITS = 300;
const WARM_UP = 30;
const PARTITIONS = 4;
const METADATA = 'x'.repeat(200);

type Commit = (offset: number) => Promise<void>;
type Timed = { perSecond: number; tookMs: number[] };

/** One transaction: 100 records, the group's offset with metadata. Ours (fenced, checked, our own rounds) beside kafkajs's own, both with the short retry. */
export const transactions: Bench = {
  name: 'transactions',
  about: `transactions of ${RECORDS} records and an offset, one partition and ${PARTITIONS} side by side`,
  run: async (report) => {
    const { brokers } = servicesFromEnvironment();
    const prefix = randomPrefix();
    await createTopics(brokers, [`${prefix}in`, `${prefix}out`], PARTITIONS);
    try {
      for (const sideBySide of [1, PARTITIONS]) {
        const bare = await withBare(brokers, prefix, (commits) => race(commits.slice(0, sideBySide)));
        const ours = await withOurs(brokers, prefix, (commits) => race(commits.slice(0, sideBySide)));
        const told = ({ perSecond, tookMs }: Timed) => ({
          perSecond: rounded(perSecond),
          ms: { ...figure(tookMs), p99: rounded(percentile(tookMs, 0.99)) },
        });
        report({
          n: COMMITS * sideBySide,
          sideBySide,
          kafkajs: told(bare),
          holdfast: told(ours),
          rateRatio: rounded(ours.perSecond / bare.perSecond),
        });
      }
    } finally {
      await deleteTopics(brokers, prefix);
    }
  },
};

async function race(commits: readonly Commit[]): Promise<Timed> {
  await Promise.all(commits.map((commit) => repeat(commit, WARM_UP)));
  const startedMs = performance.now();
  const took = await Promise.all(commits.map((commit) => repeat(commit, COMMITS)));
  return { perSecond: (commits.length * COMMITS * 1_000) / (performance.now() - startedMs), tookMs: took.flat() };
}

async function repeat(commit: Commit, count: number): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    await commit(0);
    took.push(performance.now() - startedMs);
  }
  return took;
}

const value = Buffer.alloc(RECORD_BYTES, 'x');

async function withBare(brokers: readonly string[], prefix: string, work: (commits: Commit[]) => Promise<Timed>): Promise<Timed> {
  const kafka = new Kafka({ clientId: 'bench-bare', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const producers = Array.from({ length: PARTITIONS }, (_, partition) =>
    kafka.producer({
      transactionalId: `${prefix}bare-${partition}`,
      maxInFlightRequests: 1,
      idempotent: true,
      retry: { initialRetryTime: 5 },
    }),
  );
  await Promise.all(producers.map((producer) => producer.connect()));
  const messages = Array.from({ length: RECORDS }, (_, i) => ({ key: `k-${i}`, value }));
  const commits = producers.map((producer, partition) => async (offset: number) => {
    const transaction = await producer.transaction();
    await transaction.send({ topic: `${prefix}out`, messages });
    const offsets = [{ topic: `${prefix}in`, partitions: [{ partition, offset: String(offset), metadata: METADATA }] }];
    await transaction.sendOffsets({ consumerGroupId: `${prefix}bare`, topics: offsets });
    await transaction.commit();
  });
  try {
    return await work(commits);
  } finally {
    await Promise.all(producers.map((producer) => producer.disconnect()));
  }
}

async function withOurs(brokers: readonly string[], prefix: string, work: (commits: Commit[]) => Promise<Timed>): Promise<Timed> {
  const cluster = createKafkajsCluster({ brokers });
  const logs: PartitionLog[] = [];
  const { promise: all, resolve } = Promise.withResolvers<void>();
  const source = cluster.source({ group: `${prefix}ours`, topic: `${prefix}in` });
  await source.start(async (log, lease) => {
    await log.fence();
    await log.committed();
    logs.push(log);
    if (logs.length === PARTITIONS) resolve();
    await new Promise((done) => lease.revoked.addEventListener('abort', done, { once: true }));
  });
  await all;
  const records: OutRecord[] = Array.from({ length: RECORDS }, (_, i) => ({ topic: `${prefix}out`, key: `k-${i}`, value, headers: {} }));
  try {
    return await work(logs.map((log) => (offset: number) => log.commit({ records, offset, metadata: METADATA })));
  } finally {
    await cluster.close();
  }
}
