import { randomBytes } from 'node:crypto';
import type { Clock } from './clock.port.js';
import { encodeCommitMetadata } from './commit-metadata.js';
import { type KafkaSettings, kafkaTuningDefault } from './kafka-settings.js';
import { kafkaErrorType, toLogError } from './kafkajs-errors.js';
import { isTransient, Wire, type WireContext } from './kafkajs-wire.js';
import type { LogError } from './log.port.js';
import { type Logger, silentLogger } from './logger.port.js';
import { retrying } from './retrying.js';
import { systemClock } from './system-clock.js';

/** A topic that should stand, with Kafka's own names in `config`, and the groups whose first offset is committed (rule 4). */
export type TopicPlan = Readonly<{
  name: string;
  partitions: number;
  replication: number;
  config: Readonly<Record<string, string>>;
  groups: readonly string[];
}>;

export type TopicReport = Readonly<{
  topic: string;
  outcome: 'created' | 'found';
  /** What stands otherwise than planned, each with how to mend it. Nothing of a topic that exists is changed. */
  differences: readonly string[];
  offsets: readonly OffsetReport[];
}>;

/**
 * `committed`: the first offset, 0, with a fresh incarnation. `present`: there is one. `in-use`: the group has members, whose first
 * owner begins by itself. `missing`: records stand but no offset, so the partition is held until somebody says where to begin.
 */
export type OffsetReport = Readonly<{ group: string; partition: number; outcome: 'committed' | 'present' | 'in-use' | 'missing' }>;

const topicResource = 2;
const createMaxMs = 15_000;

/** Creates what is missing and says what differs. Run again it changes nothing. */
export class TopicsAdmin {
  protected readonly wire: Wire;
  private readonly context: WireContext;

  constructor(settings: KafkaSettings, { logger = silentLogger, clock = systemClock }: { logger?: Logger; clock?: Clock } = {}) {
    this.context = { settings, tuning: kafkaTuningDefault, clock, logger };
    this.wire = new Wire(this.context);
  }

  /** Errors: LogError `unavailable`, `unauthorized`, and whatever the broker refuses a topic with. */
  async applyTopics(plans: readonly TopicPlan[]): Promise<TopicReport[]> {
    const reports: TopicReport[] = [];
    for (const plan of plans) reports.push(await this.apply(plan));
    return reports;
  }

  close(): void {
    this.wire.close();
  }

  private async apply(plan: TopicPlan): Promise<TopicReport> {
    const standing = await this.again(`looking for topic ${plan.name}`, () => this.wire.partitionCount(plan.name, 0));
    const outcome = standing === null ? await this.create(plan) : 'found';
    const differences = outcome === 'found' ? await this.differences(plan) : [];
    const partitions = standing ?? plan.partitions;
    const offsets: OffsetReport[] = [];
    for (const group of plan.groups) offsets.push(...(await this.firstOffsets(plan.name, partitions, group)));
    return { topic: plan.name, outcome, differences, offsets };
  }

  private async create({ name, partitions, replication, config }: TopicPlan): Promise<'created' | 'found'> {
    const configEntries = Object.entries(config).map(([entry, value]) => ({ name: entry, value }));
    const topics = [{ topic: name, numPartitions: partitions, replicationFactor: replication, configEntries }];
    let outcome: 'created' | 'found' = 'created';
    await this.again(`creating topic ${name}`, async () => {
      try {
        await (await this.wire.any()).createTopics({ topics, timeout: 5_000 });
      } catch (error) {
        const cause = (error as { errors?: unknown[] }).errors?.[0] ?? error;
        if (kafkaErrorType(cause) !== 'TOPIC_ALREADY_EXISTS') throw cause;
        outcome = 'found'; // Somebody was quicker, or our own first answer was lost.
      }
    });
    await retrying(this.context.clock, { maxMs: createMaxMs, firstMs: 20, capMs: 500, retry: () => true }, async () => {
      for (let partition = 0; partition < partitions; partition += 1) await this.wire.leader(name, partition);
    });
    return outcome;
  }

  private async differences({ name, partitions, replication, config }: TopicPlan): Promise<string[]> {
    const found: string[] = [];
    const { topicMetadata } = await this.again(`describing topic ${name}`, () => this.wire.metadata([name]));
    const standing = topicMetadata[0]?.partitionMetadata ?? [];
    if (standing.length !== partitions) {
      found.push(
        `has ${standing.length} partitions, ${partitions} are planned: a partition count is never changed, because it would tear entities apart; plan ${standing.length}, or move to a new topic`,
      );
    }
    const replicas = Math.min(...standing.map((one) => one.replicas.length));
    if (replicas !== replication)
      found.push(`has replication ${replicas}, ${replication} is planned: reassign with kafka-reassign-partitions`);
    const values = await this.configOf(name, Object.keys(config));
    for (const [entry, planned] of Object.entries(config)) {
      const value = values.get(entry);
      if (value !== planned)
        found.push(
          `has ${entry}=${value ?? '(unset)'}, ${planned} is planned: change with kafka-configs --alter --entity-type topics --entity-name ${name} --add-config ${entry}=${planned}`,
        );
    }
    return found;
  }

  protected async configOf(topic: string, configNames: readonly string[]): Promise<Map<string, string | null>> {
    if (configNames.length === 0) return new Map();
    const { resources } = await this.again(`describing topic ${topic}`, async () =>
      (await this.wire.any()).describeConfigs({ resources: [{ type: topicResource, name: topic, configNames }] }),
    );
    return new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]));
  }

  private async firstOffsets(topic: string, count: number, group: string): Promise<OffsetReport[]> {
    const partitions = Array.from({ length: count }, (_, partition) => ({ partition }));
    const { responses } = await this.again(`reading the offsets of ${group}`, async () => {
      const coordinator = await this.wire.coordinator('group', group);
      return coordinator.offsetFetch({ groupId: group, topics: [{ topic, partitions }] });
    });
    const reports: OffsetReport[] = [];
    for (const { partition, offset } of responses[0]?.partitions ?? []) {
      if (Number(offset) >= 0) reports.push({ group, partition, outcome: 'present' });
      else if (!(await this.isEmpty(topic, partition))) reports.push({ group, partition, outcome: 'missing' });
      else reports.push({ group, partition, outcome: await this.commitFirst(topic, partition, group) });
    }
    return reports;
  }

  private async isEmpty(topic: string, partition: number): Promise<boolean> {
    const offsetAt = (timestamp: number): Promise<number> =>
      this.again(`reading the bounds of ${topic}/${partition}`, async () => {
        const broker = await this.wire.at(await this.wire.leader(topic, partition));
        const { responses } = await broker.listOffsets({ isolationLevel: 0, topics: [{ topic, partitions: [{ partition, timestamp }] }] });
        return Number(responses[0]!.partitions[0]!.offset);
      });
    return (await offsetAt(-1)) === 0;
  }

  /** A plain commit without a member: Kafka refuses it while the group has one, so no owner's own commit is ever overwritten. */
  private async commitFirst(topic: string, partition: number, group: string): Promise<'committed' | 'in-use'> {
    const metadata = encodeCommitMetadata(0, {
      incarnation: randomBytes(16).toString('base64url'),
      number: 0,
      redisIdentity: null,
      settled: [],
    });
    try {
      await this.again(`committing the first offset of ${group} on ${topic}/${partition}`, async () => {
        const coordinator = await this.wire.coordinator('group', group);
        await coordinator.offsetCommit({
          groupId: group,
          groupGenerationId: -1,
          memberId: '',
          topics: [{ topic, partitions: [{ partition, offset: '0', metadata }] }],
        });
      });
      return 'committed';
    } catch (error) {
      const type = kafkaErrorType((error as LogError).cause);
      if (type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION' || type === 'REBALANCE_IN_PROGRESS') return 'in-use';
      throw error;
    }
  }

  protected async again<T>(doing: string, attempt: () => Promise<T>): Promise<T> {
    const { clock, tuning } = this.context;
    try {
      return await retrying(clock, { maxMs: tuning.askMaxMs, firstMs: 20, capMs: 500, retry: isTransient }, attempt);
    } catch (error) {
      throw toLogError(error, doing);
    }
  }
}
