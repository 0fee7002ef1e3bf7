import type { Clock } from './clock.port.js';
import type { KafkaSettings, KafkaTuning } from './kafka-settings.js';
import {
  askMetadata,
  closeBroker,
  coordinatorOf,
  isOpen,
  type KafkaBroker,
  type MetadataAnswer,
  openBroker,
} from './kafkajs-internals.kafka.js';
import { kafkaErrorType } from './kafkajs-errors.js';
import { LogError } from './log.port.js';
import type { Logger } from './logger.port.js';

export type WireContext = Readonly<{ settings: KafkaSettings; tuning: KafkaTuning; clock: Clock; logger: Logger }>;

type TopicLeaders = Readonly<{ leaders: readonly (string | null)[]; atMs: number }>;

/**
 * One connection to each broker, and who leads what. A broker answers one request at a time per connection, so what may wait at
 * the broker (fetches, joining a group, transactions) each has a wire of its own.
 *
 * Addresses (`host:port`) name brokers here. A connection that broke is thrown away; the next use opens another.
 */
export class Wire {
  private readonly brokers = new Map<string, Promise<KafkaBroker>>();
  private readonly topics = new Map<string, TopicLeaders>();
  private readonly refreshing = new Map<string, Promise<TopicLeaders | null>>();
  private readonly coordinators = new Map<string, Promise<string>>();
  private closed = false;

  constructor(private readonly context: WireContext) {}

  /** The broker at an address, connected. */
  async at(address: string): Promise<KafkaBroker> {
    if (this.closed) throw new LogError('unavailable', 'the connection to Kafka is closed');
    const known = this.brokers.get(address);
    if (known) {
      const broker = await known;
      if (broker.isConnected()) return broker;
      if (this.brokers.get(address) === known) this.drop(address);
    }
    const opening = this.brokers.get(address) ?? this.open(address);
    return opening;
  }

  /** Any broker that answers: connected ones first, then every address that is known. */
  async any(): Promise<KafkaBroker> {
    const addresses = [...new Set([...this.brokers.keys(), ...this.context.settings.brokers])];
    let last: unknown;
    for (const address of addresses) {
      try {
        return await this.at(address);
      } catch (error) {
        last = error;
      }
    }
    const why = last instanceof Error ? last.message : String(last);
    if (kafkaErrorType(last) === 'SASL_AUTHENTICATION_FAILED') {
      throw new LogError('unauthorized', `Kafka refuses the credentials (${why}); see KAFKA_SASL_USERNAME and its password file`, last);
    }
    const mend = 'see that Kafka is up and that KAFKA_BROKERS is right';
    throw new LogError('unavailable', `no Kafka broker answers at ${addresses.join(', ')} (${why}); ${mend}`, last);
  }

  /** Null: the topic does not exist. */
  async partitionCount(topic: string, freshMs = this.context.tuning.metadataMaxAgeMs): Promise<number | null> {
    return (await this.topicLeaders(topic, freshMs))?.leaders.length ?? null;
  }

  /** The address of a partition's leader. Errors: `missing-topic`, and `unavailable` while there is no leader. */
  async leader(topic: string, partition: number): Promise<string> {
    const leaders = (await this.topicLeaders(topic, this.context.tuning.metadataMaxAgeMs))?.leaders;
    const address = leaders?.[partition];
    if (address) return address;
    this.topics.delete(topic); // Looked up again next time.
    if (!leaders || partition >= leaders.length) {
      throw new LogError('missing-topic', `${topic}/${partition} does not exist; create it with \`holdfast topics apply\``);
    }
    throw new LogError('unavailable', `${topic}/${partition} has no leader at the moment`);
  }

  forgetLeader(topic: string): void {
    this.topics.delete(topic);
  }

  /** The coordinator of a group or of a transactional id, connected. */
  async coordinator(kind: keyof typeof coordinatorOf, id: string): Promise<KafkaBroker> {
    const key = `${kind} ${id}`;
    const finding = this.coordinators.get(key) ?? this.findCoordinator(kind, id);
    this.coordinators.set(key, finding);
    try {
      return await this.at(await finding);
    } catch (error) {
      if (this.coordinators.get(key) === finding) this.coordinators.delete(key);
      throw error;
    }
  }

  forgetCoordinator(kind: keyof typeof coordinatorOf, id: string): void {
    this.coordinators.delete(`${kind} ${id}`);
  }

  metadata(topics: readonly string[]): Promise<MetadataAnswer> {
    return this.any().then((broker) => askMetadata(broker, topics));
  }

  close(): void {
    this.closed = true;
    for (const address of [...this.brokers.keys()]) this.drop(address);
  }

  private open(address: string): Promise<KafkaBroker> {
    const { settings, tuning, logger } = this.context;
    const at = address.lastIndexOf(':');
    const opening = openBroker(settings, tuning, logger, { host: address.slice(0, at), port: Number(address.slice(at + 1)) }).then(
      async (broker) => {
        await broker.connect();
        return broker;
      },
    );
    this.brokers.set(address, opening);
    opening.catch(() => this.brokers.get(address) === opening && this.brokers.delete(address));
    return opening;
  }

  private drop(address: string): void {
    const gone = this.brokers.get(address);
    this.brokers.delete(address);
    // In the background: nobody is left who could hear of an error. One whose credentials merely run out may finish what it has.
    gone?.then((broker) => (isOpen(broker) && !this.closed ? broker.disconnect() : closeBroker(broker))).catch(() => {});
  }

  private async findCoordinator(kind: keyof typeof coordinatorOf, id: string): Promise<string> {
    const broker = await this.any();
    const { coordinator } = await broker.findGroupCoordinator({ groupId: id, coordinatorType: coordinatorOf[kind] });
    return `${coordinator.host}:${coordinator.port}`;
  }

  private async topicLeaders(topic: string, freshMs: number): Promise<TopicLeaders | null> {
    const known = this.topics.get(topic);
    if (known && this.context.clock.monotonicMs() - known.atMs < freshMs) return known;
    const pending = this.refreshing.get(topic) ?? this.refresh(topic).finally(() => this.refreshing.delete(topic));
    this.refreshing.set(topic, pending);
    return pending;
  }

  private async refresh(topic: string): Promise<TopicLeaders | null> {
    const { brokers, topicMetadata } = await this.metadata([topic]);
    const found = topicMetadata.find((one) => one.topic === topic);
    if (!found || found.topicErrorCode === unknownTopicCode) {
      this.topics.delete(topic);
      return null;
    }
    if (found.topicErrorCode === unauthorizedTopicCode)
      throw new LogError('unauthorized', `topic ${topic} may not be described by this user`);
    const addresses = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]));
    const leaders: (string | null)[] = new Array<string | null>(found.partitionMetadata.length).fill(null);
    for (const { partitionId, leader } of found.partitionMetadata) leaders[partitionId] = addresses.get(leader) ?? null;
    const fresh: TopicLeaders = { leaders, atMs: this.context.clock.monotonicMs() };
    this.topics.set(topic, fresh);
    return fresh;
  }
}

const unknownTopicCode = 3;
const unauthorizedTopicCode = 29;

/** Whether a request may pass when it is sent again, perhaps to another broker: everything that is not a definite refusal. */
export function isTransient(error: unknown): boolean {
  if (error instanceof LogError) return error.code === 'unavailable';
  const type = kafkaErrorType(error);
  return type === '' || transientTypes.has(type);
}

const transientTypes: ReadonlySet<string> = new Set([
  'UNKNOWN', 'NETWORK_EXCEPTION', 'CORRUPT_MESSAGE', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION', 'REQUEST_TIMED_OUT', 'BROKER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE', 'GROUP_LOAD_IN_PROGRESS', 'GROUP_COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR_FOR_GROUP', 'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'CONCURRENT_TRANSACTIONS', 'KAFKA_STORAGE_ERROR', 'FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE', 'UNSTABLE_OFFSET_COMMIT', 'UNKNOWN_TOPIC_ID', 'UNKNOWN_TOPIC_OR_PARTITION',
]); // prettier-ignore
