import { createRequire } from 'node:module';
import { connect as connectPlain, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { KafkaSettings, KafkaTuning } from './kafka-settings.js';
import type { Logger } from './logger.port.js';

/**
 * The one file that reaches into kafkajs. What is taken: its connections (sockets, TLS, SASL, request queue with timeouts) and its
 * encoding of the small requests. What is not: its consumer (commits and resets offsets by itself, leaks aborted records, leaves
 * promises floating), its producer (no say over what is retried), its cluster and broker pool (one deleted topic fails every refresh,
 * and a connection that breaks inside an answer keeps the broken half). A test fails loudly when kafkajs changes under this file.
 */
export type KafkaBroker = {
  nodeId: number | null;
  versions: Record<number, { minVersion: number; maxVersion: number }> | null;
  readonly connectionPool: { host: string; port: number; pool: KafkaConnection[] };
  isConnected(): boolean;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  findGroupCoordinator(ask: {
    groupId: string;
    coordinatorType: number;
  }): Promise<{ coordinator: { nodeId: number; host: string; port: number } }>;
  joinGroup(ask: JoinAsk): Promise<JoinAnswer>;
  syncGroup(ask: {
    groupId: string;
    generationId: number;
    memberId: string;
    groupAssignment: readonly { memberId: string; memberAssignment: Buffer }[];
  }): Promise<{ memberAssignment: Buffer }>;
  heartbeat(ask: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>;
  leaveGroup(ask: { groupId: string; memberId: string }): Promise<unknown>;
  offsetFetch(ask: { groupId: string; topics: readonly { topic: string; partitions: readonly { partition: number }[] }[] }): Promise<{
    responses: readonly { topic: string; partitions: readonly { partition: number; offset: string; metadata: string | null }[] }[];
  }>;
  offsetCommit(ask: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: readonly { topic: string; partitions: readonly { partition: number; offset: string; metadata: string }[] }[];
  }): Promise<unknown>;
  listOffsets(ask: {
    isolationLevel: number;
    topics: readonly { topic: string; partitions: readonly { partition: number; timestamp: number }[] }[];
  }): Promise<{ responses: readonly { topic: string; partitions: readonly { partition: number; offset: string }[] }[] }>;
  createTopics(ask: { topics: readonly TopicAsk[]; timeout: number }): Promise<unknown>;
  describeConfigs(ask: { resources: readonly { type: number; name: string; configNames: readonly string[] }[] }): Promise<{
    resources: readonly { resourceName: string; configEntries: readonly { configName: string; configValue: string | null }[] }[];
  }>;
  initProducerId(ask: { transactionalId?: string; transactionTimeout: number }): Promise<{ producerId: string; producerEpoch: number }>;
  addPartitionsToTxn(ask: ProducerAsk & { topics: readonly { topic: string; partitions: readonly number[] }[] }): Promise<unknown>;
  addOffsetsToTxn(ask: ProducerAsk & { groupId: string }): Promise<unknown>;
  txnOffsetCommit(
    ask: ProducerAsk & {
      groupId: string;
      topics: readonly { topic: string; partitions: readonly { partition: number; offset: string; metadata: string }[] }[];
    },
  ): Promise<unknown>;
  endTxn(ask: ProducerAsk & { transactionResult: boolean }): Promise<unknown>;
  lookupRequest(
    apiKey: number,
    definition: unknown,
  ): (ask: unknown) => { request: unknown; response: { decode(data: Buffer): Promise<unknown> } };
};

export type TopicAsk = Readonly<{
  topic: string;
  numPartitions: number;
  replicationFactor: number;
  configEntries: readonly { name: string; value: string }[];
}>;
export type ProducerAsk = Readonly<{ transactionalId: string; producerId: string; producerEpoch: number }>;
export type JoinAsk = Readonly<{
  groupId: string;
  sessionTimeout: number;
  rebalanceTimeout: number;
  memberId: string;
  protocolType: string;
  groupProtocols: readonly { name: string; metadata: Buffer }[];
}>;
export type JoinAnswer = Readonly<{
  generationId: number;
  groupProtocol: string;
  leaderId: string;
  memberId: string;
  members: readonly { memberId: string; memberMetadata: Buffer }[];
}>;

type RequestQueue = {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
};
export type KafkaConnection = {
  readonly requestQueue: RequestQueue;
  rejectRequests(error: Error): void;
  isConnected(): boolean;
  send(ask: unknown): Promise<unknown>;
};

/** A request in our own encoding. `decode` gets the answer's body behind the correlation id. */
export type RawRequest<T> = Readonly<{
  apiKey: number;
  apiVersion: number;
  apiName: string;
  encode(): Buffer;
  decode(body: Buffer): T;
  timeoutMs?: number;
}>;

export type MetadataAnswer = Readonly<{
  brokers: readonly { nodeId: number; host: string; port: number }[];
  controllerId: number;
  topicMetadata: readonly {
    topicErrorCode: number;
    topic: string;
    partitionMetadata: readonly { partitionErrorCode: number; partitionId: number; leader: number; replicas: number[]; isr: number[] }[];
  }[];
}>;

const require = createRequire(import.meta.url);
const Broker = require('kafkajs/src/broker') as new (options: object) => KafkaBroker;
const connectionPoolBuilder = require('kafkajs/src/cluster/connectionPoolBuilder') as (options: object) => {
  build(to: { host: string; port: number }): Promise<{ pool: KafkaConnection[] }>;
};
const { createLogger } = require('kafkajs/src/loggers') as { createLogger(options: object): { namespace(name: string): object } };
const { requests } = require('kafkajs/src/protocol/requests') as { requests: Record<string, unknown> };
const apiKeys = require('kafkajs/src/protocol/requests/apiKeys') as Record<string, number>;
const { createErrorFromCode } = require('kafkajs/src/protocol/error') as { createErrorFromCode(code: number): Error & { type: string } };
const assignerProtocol = require('kafkajs/src/consumer/assignerProtocol') as {
  MemberMetadata: {
    encode(of: { version: number; topics: readonly string[]; userData: Buffer }): Buffer;
    decode(from: Buffer): { topics: string[]; userData: Buffer | null };
  };
  MemberAssignment: {
    encode(of: { version: number; assignment: Record<string, readonly number[]> }): Buffer;
    decode(from: Buffer): { assignment: Record<string, number[]> } | null;
  };
};

export const { MemberMetadata, MemberAssignment } = assignerProtocol;
export const kafkaApi = { produce: apiKeys.Produce!, fetch: apiKeys.Fetch! } as const;
export const coordinatorOf = { group: 0, transaction: 1 } as const;

/** The error that a broker's code stands for; `type` is Kafka's name of it. */
export const brokerError = (code: number): Error & { type: string } => createErrorFromCode(code);

/** One broker over one connection. Not connected yet. A broken one is thrown away, never connected again. */
export async function openBroker(
  settings: KafkaSettings,
  tuning: KafkaTuning,
  logger: Logger,
  to: { host: string; port: number },
): Promise<KafkaBroker> {
  const { sasl } = settings;
  const kafkajsLogger = quiet(logger);
  // An answer that is out of time says that the connection is dead, though TCP may not notice for a quarter of an hour.
  const emit = (type: string): void => {
    if (type === 'network.request_timeout') closeBroker(broker).catch(() => {}); // Whoever asked has the timeout as the error.
  };
  const pool = await connectionPoolBuilder({
    logger: kafkajsLogger,
    instrumentationEmitter: { emit },
    socketFactory,
    brokers: [...settings.brokers],
    ssl: settings.tls ? {} : undefined,
    sasl: sasl ? { mechanism: sasl.mechanism, username: sasl.username, password: String(sasl.password.reveal()) } : undefined,
    clientId: settings.clientId ?? 'holdfast',
    connectionTimeout: tuning.connectTimeoutMs,
    requestTimeout: tuning.requestTimeoutMs,
    enforceRequestTimeout: true,
    maxInFlightRequests: null,
  }).build(to);
  for (const { requestQueue } of pool.pool) calm(requestQueue);
  const broker = new Broker({ connectionPool: pool, logger: kafkajsLogger, nodeId: null, allowAutoTopicCreation: false });
  return broker;
}

/**
 * Whether the socket stands. `isConnected` is also false when SASL credentials run out within ten seconds: kafkajs would then authenticate
 * in the midst of other answers and take one of them for the server's word, so another connection is opened instead.
 */
export const isOpen = (broker: KafkaBroker): boolean => broker.connectionPool.pool[0]!.isConnected();

/** Ends a connection now: what still waits on it hears so, instead of holding the process until its timeout. */
export async function closeBroker(broker: KafkaBroker): Promise<void> {
  for (const connection of broker.connectionPool.pool) connection.rejectRequests(new Error('the connection to Kafka was closed'));
  await broker.disconnect();
}

/** Sends a request of our own encoding over the broker's first connection, whatever its kind (kafkajs would take its second for fetches). */
export async function sendRaw<T>(
  broker: KafkaBroker,
  { apiKey, apiVersion, apiName, encode, decode, timeoutMs }: RawRequest<T>,
): Promise<T> {
  const payload = encode();
  const request = { apiKey, apiVersion, apiName, encode: async () => ({ buf: payload, buffer: payload }) };
  const response = { decode: async (body: Buffer) => ({ answer: decode(body) }), parse: async (data: unknown) => data };
  const data = (await broker.connectionPool.pool[0]!.send({
    request,
    response,
    requestTimeout: timeoutMs ?? null,
    logResponseError: false,
  })) as { answer: T };
  return data.answer;
}

/** Metadata without kafkajs's own judgement, which fails as a whole when one topic has an error. */
export async function askMetadata(broker: KafkaBroker, topics: readonly string[]): Promise<MetadataAnswer> {
  const { request, response } = broker.lookupRequest(apiKeys.Metadata!, requests.Metadata)({ topics, allowAutoTopicCreation: false });
  const parse = async (data: unknown): Promise<unknown> => data;
  return (await broker.connectionPool.pool[0]!.send({
    request,
    response: { decode: response.decode, parse },
    logResponseError: false,
  })) as MetadataAnswer;
}

/** kafkajs 2.2.4 looks at an empty queue a thousand times a second, for ever, once a connection was used. Looked at only while something waits. */
function calm(queue: RequestQueue): void {
  queue.scheduleCheckPendingRequests = () => {
    if (queue.throttleCheckTimeoutId || queue.pending.length === 0) return;
    const check = (): void => {
      queue.throttleCheckTimeoutId = null;
      queue.checkPendingRequests();
    };
    queue.throttleCheckTimeoutId = setTimeout(check, Math.max(10, queue.throttledUntil - Date.now()));
  };
}

function socketFactory({ host, port, ssl, onConnect }: { host: string; port: number; ssl?: object; onConnect: () => void }) {
  const socket = ssl
    ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : connectPlain({ host, port }, onConnect);
  socket.setKeepAlive(true, 30_000);
  socket.setNoDelay(true); // Requests are pipelined; Nagle would hold the second until the first is acknowledged.
  return socket;
}

/** What kafkajs says goes to debug: every failure that matters is told by us, once and with what to do. */
function quiet(logger: Logger): object {
  const logCreator = () => (entry: { namespace: string; log: { message: string } }) =>
    logger.debug({ kafkajs: entry.namespace }, entry.log.message);
  return createLogger({ level: 2, logCreator });
}
