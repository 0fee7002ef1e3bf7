import { TopicsAdmin } from './topics-admin.js';
import type { KafkaBroker } from './kafkajs-internals.kafka.js';

/** What stands in the way of the promises, where, and how to mend it. */
export type ClusterFault = Readonly<{
  code: 'too-old' | 'too-few-brokers' | 'replication' | 'min-isr' | 'unclean-election';
  where: string;
  what: string;
  mend: string;
}>;

export type ClusterDemand = Readonly<{
  /** Allows replication 1 (rule 9). */
  singleNode: boolean;
  /** Holdfast's topics; those that do not exist are passed over. */
  topics: readonly string[];
}>;

const fetchApi = 1;
const replicationMin = 3;
const minIsrMin = 2;

/** Rules 2 and 9, looked at before anything is read or written. An empty list: all is well. Errors: LogError. */
export class ClusterCheck extends TopicsAdmin {
  async checkCluster({ singleNode, topics }: ClusterDemand): Promise<ClusterFault[]> {
    const broker = await this.wire.any();
    const faults = isTooOld(broker) ? [tooOld(broker)] : [];
    if (singleNode) return faults;
    const { brokers, topicMetadata } = await this.again('describing the cluster', () => this.wire.metadata([...topics, ...internalTopics]));
    if (brokers.length < replicationMin) {
      faults.push({
        code: 'too-few-brokers',
        where: 'the cluster',
        what: `${brokers.length} brokers`,
        mend: `run at least ${replicationMin}, or say singleNode: true where losing the machine may lose events`,
      });
    }
    for (const { topic, topicErrorCode, partitionMetadata } of topicMetadata) {
      if (topicErrorCode !== 0) continue;
      const replicas = Math.min(...partitionMetadata.map((one) => one.replicas.length));
      if (replicas < replicationMin)
        faults.push({
          code: 'replication',
          where: topic,
          what: `replication ${replicas}`,
          mend: `give it ${replicationMin} replicas with kafka-reassign-partitions`,
        });
      faults.push(...(await this.configFaults(topic)));
    }
    return faults;
  }

  private async configFaults(topic: string): Promise<ClusterFault[]> {
    const values = await this.configOf(topic, ['min.insync.replicas', 'unclean.leader.election.enable']);
    const alter = (entry: string): string => `kafka-configs --alter --entity-type topics --entity-name ${topic} --add-config ${entry}`;
    const faults: ClusterFault[] = [];
    const minIsr = Number(values.get('min.insync.replicas') ?? 1);
    if (minIsr < minIsrMin)
      faults.push({
        code: 'min-isr',
        where: topic,
        what: `min.insync.replicas=${minIsr}`,
        mend: alter(`min.insync.replicas=${minIsrMin}`),
      });
    if (values.get('unclean.leader.election.enable') === 'true') {
      faults.push({
        code: 'unclean-election',
        where: topic,
        what: 'unclean leader election is on',
        mend: alter('unclean.leader.election.enable=false'),
      });
    }
    return faults;
  }
}

const internalTopics = ['__transaction_state', '__consumer_offsets'];

/** Kafka 4.0 dropped the fetch versions below 4; with it the coordinator came whose offsets are final behind a fence. */
const isTooOld = ({ versions }: KafkaBroker): boolean => (versions?.[fetchApi]?.minVersion ?? 0) < 4;

const tooOld = ({ connectionPool }: KafkaBroker): ClusterFault => ({
  code: 'too-old',
  where: `${connectionPool.host}:${connectionPool.port}`,
  what: 'a broker older than Kafka 4.0',
  mend: 'upgrade: on older coordinators an offset that is read behind a fence is not final, and a record may be settled twice',
});
