import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { ClusterCheck } from './cluster-check.js';
import { decodeCommitMetadata } from './commit-metadata.js';
import { createKafkajsCluster } from './kafkajs-log.js';
import { PartitionOwner } from './partition-owner.js';
import type { Ownership } from './partition-owner.port.js';
import type { TopicPlan } from './topics-admin.js';

// Goal: topics come to stand once, with a first offset that the first owner goes on from, and nothing that stands is touched.
const brokers = (process.env.KAFKA_BROKERS ?? 'localhost:9092').split(',');
const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });

describe('topics apply', () => {
  const admin = kafka.admin();
  const topics = new ClusterCheck({ brokers });
  const prefix = `topics-${randomUUID()}`;
  const plan: TopicPlan = {
    name: `${prefix}.events`,
    partitions: 2,
    replication: 1,
    config: { 'message.timestamp.type': 'LogAppendTime', 'retention.ms': '86400000', 'max.message.bytes': '2000000' },
    groups: [`${prefix}.dedupe`],
  };

  beforeAll(() => admin.connect());
  afterAll(async () => {
    topics.close();
    await admin.deleteTopics({ topics: [plan.name] });
    await admin.disconnect();
  });

  it('creates a topic with its first offsets, and the second time finds all of it', async () => {
    const committed = [0, 1].map((partition) => ({ group: plan.groups[0], partition, outcome: 'committed' }));
    expect(await topics.applyTopics([plan])).toEqual([{ topic: plan.name, outcome: 'created', differences: [], offsets: committed }]);
    const before = await admin.fetchOffsets({ groupId: plan.groups[0]!, topics: [plan.name] });
    const parsed = before[0]!.partitions.map(({ offset, metadata }) => ({ offset, ...decodeCommitMetadata(0, metadata!)! }));
    expect(parsed).toMatchObject([
      { offset: '0', number: 0, settled: [] },
      { offset: '0', number: 0 },
    ]);
    expect(parsed[0]!.incarnation).not.toBe(parsed[1]!.incarnation);

    const present = [0, 1].map((partition) => ({ group: plan.groups[0], partition, outcome: 'present' }));
    expect(await topics.applyTopics([plan])).toEqual([{ topic: plan.name, outcome: 'found', differences: [], offsets: present }]);
    expect(await admin.fetchOffsets({ groupId: plan.groups[0]!, topics: [plan.name] })).toEqual(before);
  });

  it('is gone on from by the first owner, in the same incarnation', async () => {
    const [before] = await admin.fetchOffsets({ groupId: plan.groups[0]!, topics: [plan.name] });
    const cluster = createKafkajsCluster({ brokers });
    const source = cluster.source({ group: plan.groups[0]!, topic: plan.name });
    const owned = new Map<number, Ownership>();
    await new Promise<void>((resolve, reject) => {
      source.start(async (log, lease) => {
        owned.set(log.partition, await new PartitionOwner(log, { begin: 'own-topic' }).acquire());
        if (owned.size === 2) resolve();
        await new Promise((done) => lease.revoked.addEventListener('abort', done));
      }).catch(reject); // prettier-ignore
    });
    const found = before!.partitions.find(({ partition }) => partition === 0)!;
    expect(owned.get(0)).toMatchObject({ number: 1, offset: 0, incarnation: decodeCommitMetadata(0, found.metadata!)!.incarnation });
    const inUse = await topics.applyTopics([{ ...plan, groups: [...plan.groups] }]);
    expect(inUse[0]!.offsets.map(({ outcome }) => outcome)).toEqual(['present', 'present']);
    await cluster.close();
  });

  it('says what differs and changes nothing', async () => {
    const [report] = await topics.applyTopics([{ ...plan, partitions: 3, config: { ...plan.config, 'retention.ms': '1' }, groups: [] }]);
    expect(report).toMatchObject({ outcome: 'found', offsets: [] });
    expect(report!.differences).toEqual([
      expect.stringMatching(/has 2 partitions, 3 are planned.*never changed/),
      expect.stringMatching(/retention.ms=86400000, 1 is planned/),
    ]);
    expect(await admin.fetchTopicMetadata({ topics: [plan.name] })).toMatchObject({ topics: [{ partitions: [{}, {}] }] });
  });

  it('says where an offset is missing, and does not guess one', async () => {
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic: plan.name, messages: [{ value: 'x', partition: 0 }] });
    await producer.disconnect();
    const group = `${prefix}.late`;
    const [report] = await topics.applyTopics([{ ...plan, groups: [group] }]);
    expect(report!.offsets).toEqual([
      { group, partition: 0, outcome: 'missing' },
      { group, partition: 1, outcome: 'committed' },
    ]);
  });

  it('checks the cluster for what the promises need', async () => {
    expect(await topics.checkCluster({ singleNode: true, topics: [plan.name] })).toEqual([]);
    const faults = await topics.checkCluster({ singleNode: false, topics: [plan.name, 'not-there'] });
    const ours = faults.filter(({ where }) => where === plan.name || where === 'the cluster').map(({ code }) => code);
    expect(ours).toEqual(['too-few-brokers', 'replication', 'min-isr']);
    expect(faults.every(({ mend }) => mend.length > 0)).toBe(true);
  });
});
