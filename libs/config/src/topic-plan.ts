import { groupNames, topicNames } from '#libs/domain/src/index.js';
import type { HoldfastConfig, TopicKind } from './configuration.js';
import { ENVELOPE_MAX_BYTES } from './check-sources.js';

/** What a delivery adds to its event: history (bounded), ids, Avro's own bytes. */
const DELIVERY_MORE_BYTES = 512 * 1024;
/** Facts and commands carry no body. */
const SMALL_MESSAGE_BYTES = 1024 * 1024;

/** A topic that should stand, and the groups whose first offset is committed when it is made (rule 4). Fits TopicsAdmin of libs/kafka. */
export type PlannedTopic = Readonly<{
  name: string;
  kind: TopicKind | 'source';
  partitions: number;
  replication: number;
  /** Kafka's own names. */
  config: Readonly<Record<string, string>>;
  groups: readonly string[];
}>;

/**
 * Every topic of a configuration. Pure. Append time is what windows, tiers and retention count from (rules 16, 24), so
 * the broker stamps it. In `dev` the producers' topics are part of the plan; elsewhere they are their owners' to make.
 */
export function topicPlan(config: HoldfastConfig): readonly PlannedTopic[] {
  const { topics } = config;
  const names = topicNames(topics.prefix);
  const groups = groupNames(topics.prefix);
  const plan = (kind: TopicKind, name: string, readers: readonly string[], messageMaxBytes: number): PlannedTopic => ({
    name,
    kind,
    partitions: kind === 'commands' ? 1 : topics.partitions,
    replication: topics.replication,
    config: {
      'cleanup.policy': 'delete',
      'message.timestamp.type': 'LogAppendTime',
      'retention.ms': String(topics.retention[kind].ms),
      'retention.bytes': String(topics.retention[kind].bytes),
      'max.message.bytes': String(messageMaxBytes),
      'min.insync.replicas': String(topics.minInSyncReplicas),
      'unclean.leader.election.enable': 'false',
    },
    groups: readers,
  });
  const eventMax = topics.messageMaxBytes;
  const deliveryMax = eventMax + DELIVERY_MORE_BYTES;
  const retryMax = deliveryMax + DELIVERY_MORE_BYTES;
  const strict = new Set(config.routes.filter(({ ordering }) => ordering === 'strict').map(({ to }) => to));
  return [
    plan('events', names.events, [groups.dedupe], eventMax),
    ...config.destinations.map(({ name }) => plan('deliveries', names.deliveries(name), [groups.deliver(name)], deliveryMax)),
    ...config.destinations
      .filter(({ name }) => strict.has(name))
      .map(({ name }) => plan('parked', names.parked(name), [groups.deliver(name)], retryMax)),
    ...config.retry.tiers.map((tier) => plan('retry', names.retry(tier.name), [groups.delayLine(tier.name)], retryMax)),
    plan('dlq', names.dlq, [groups.dlq], retryMax),
    plan('invalid', names.invalid, [groups.invalid], eventMax + ENVELOPE_MAX_BYTES),
    plan('ledger', names.ledger, [], SMALL_MESSAGE_BYTES), // Its reader keeps its position in Postgres (rule 27).
    plan('commands', names.commands, [groups.commands], SMALL_MESSAGE_BYTES),
    ...(config.dev ? sourceTopics(config) : []),
  ];
}

/** Without groups: ingest begins at what a producer's topic has left. */
function sourceTopics({ sources, topics }: HoldfastConfig): PlannedTopic[] {
  const { partitions, replication } = topics;
  const names = new Set(sources.flatMap(({ topic }) => topic?.name ?? []));
  return [...names].map((name) => ({ name, kind: 'source', partitions, replication, config: {}, groups: [] }));
}
