/**
 * Kafka as Holdfast needs it, in our words. Two adapters: kafkajs, and memory (for the simulator); one contract suite for both.
 *
 * The reading side is pulled by position: `read(from)` answers what stands from there on. So a pause is simply a reader who
 * does not ask (there is no pause state that a rebalance could lose), a seek is asking from elsewhere, and the reader that
 * rebuilds a window is the same as the live one. Records are read committed, through our own filter (PROTOCOL rule 1).
 */
export type LogRecord = Readonly<{
  topic: string;
  partition: number;
  offset: number;
  /** Append time (topics are LogAppendTime), ms since the epoch. */
  timestampMs: number;
  key: Buffer | null;
  value: Buffer | null;
  /** Read from the bytes when they are looked at first, so a spread of a record leaves them behind: name them. */
  headers: Readonly<Record<string, Buffer>>;
}>;

export type OutRecord = Readonly<{
  topic: string;
  key: Buffer | string | null;
  value: Buffer | null;
  headers: Readonly<Record<string, Buffer | string>>;
  /** Left out: by key, murmur2 as Java's default partitioner. */
  partition?: number;
}>;

/** `nextOffset` stands behind everything that was seen, control and aborted records included (rule 6). */
export type Chunk = Readonly<{ records: readonly LogRecord[]; nextOffset: number }>;

/** A committed offset with its metadata ('' when there is none). */
export type Committed = Readonly<{ offset: number; metadata: string }>;

export type Bounds = Readonly<{
  /** The first offset retention has left. */
  startOffset: number;
  /** The last stable offset: behind the last record that a read-committed reader may see. */
  endOffset: number;
}>;

export interface PartitionReader {
  readonly topic: string;
  readonly partition: number;
  /**
   * What stands from `fromOffset` on: at most `max.records`, and the empty chunk after `max.waitMs` when there is nothing yet.
   * Sequential calls that continue (`from` = the last `nextOffset`) are served from a bounded prefetch.
   * Errors: LogError `out-of-range` (retention has passed it, or it is beyond the end), `unavailable`.
   */
  read(fromOffset: number, max: { records: number; waitMs: number }, signal?: AbortSignal): Promise<Chunk>;
  bounds(): Promise<Bounds>;
}

/**
 * One input partition of one group, with the transactional id that belongs to it (`<group>-<topic>-<partition>`).
 * Order of use: `fence`, then `committed`, then `read` (rule 2). After any error of `commit`, fence again (rule 3).
 */
export interface PartitionLog extends PartitionReader {
  readonly group: string;
  /** Opens and aborts an empty transaction under a new producer: the owner before me can commit nothing more. Resolves when final. */
  fence(): Promise<void>;
  /** Null: no offset was ever committed, or it has expired. `beside`: this group's in the same partition of that other topic. */
  committed(beside?: string): Promise<Committed | null>;
  /**
   * One transaction: the records, and this group's offset with its metadata. `records` may be empty (offset and metadata alone).
   * Errors: LogError `fenced` (another owner), `unknown-end` (the answer to the commit is lost: never repeat, rule 3),
   * `too-large` (aborted; a smaller batch may pass, rule 8), `unavailable` (aborted or never begun).
   */
  commit(batch: CommitBatch): Promise<void>;
}

/** `beside`: the group's offset in the same partition of another topic, which whoever owns this partition reads as well. */
export type CommitBatch = Readonly<{
  records: readonly OutRecord[];
  offset: number;
  metadata: string;
  beside?: Readonly<{ topic: string; offset: number; metadata: string }>;
}>;

/** What the group says of my ownership. */
export interface Lease {
  /** Aborted when the partition was taken away or the source stops. Return soon; what is under way may still be settled. */
  readonly revoked: AbortSignal;
  /** False while the group rebalances, or when no heartbeat was answered for a session timeout: start nothing new (rule 20). */
  mayStart(): boolean;
}

/** Called once for each assignment of a partition; a rebalance that leaves the partition here does not call it again (rule 10). */
export type PartitionWork = (log: PartitionLog, lease: Lease) => Promise<void>;

export type SourceStatus = Readonly<{
  group: string;
  topic: string;
  joined: boolean;
  partitions: readonly number[];
  lastHeartbeatMs: number | null;
  missingTopic: boolean;
  /** Assigned partitions that have records and were not read from for long: held, or a bug. */
  stuck: readonly number[];
}>;

/** One group member on one topic. */
export interface RecordSource {
  /** Joins, and keeps joining through broker restarts. A rejected `work` is logged and begun again after a bounded backoff. */
  start(work: PartitionWork): Promise<void>;
  /** Revokes every partition, waits for its work (bounded by `stopMaxMs`), leaves the group. */
  stop(): Promise<void>;
  status(): SourceStatus;
}

/** Appends without a transaction, `acks=all`, idempotent producer. One call is one produce round; errors as LogError. */
export interface RecordSink {
  append(records: readonly OutRecord[]): Promise<readonly { topic: string; partition: number; baseOffset: number }[]>;
}

export interface LogCluster {
  /** `beside`: a topic of as many partitions that the owner of a partition reads by itself. The group does not assign it, and keeps its offsets. */
  source(options: { group: string; topic: string; beside?: string }): RecordSource;
  sink(): Promise<RecordSink>;
  /** `glance`: who looks once at a record or a few; nothing is fetched ahead, so that partitions which are worked on do not wait. */
  reader(topic: string, partition: number, how?: 'through' | 'glance'): PartitionReader;
  partitions(topic: string): Promise<number | null>;
  /** What a group has committed, read without joining or fencing it: it may be a moment old, never ahead. Null as for PartitionLog. */
  committed(group: string, topic: string, partition: number): Promise<Committed | null>;
  close(): Promise<void>;
}

export type LogErrorCode =
  | 'fenced'
  | 'unknown-end'
  | 'too-large'
  | 'out-of-range'
  | 'unavailable'
  | 'missing-topic'
  | 'unauthorized'
  /** A batch that no codec here can read: the partition is held until its producer or its topic changes. */
  | 'unreadable';

export class LogError extends Error {
  readonly retryable: boolean;
  constructor(
    readonly code: LogErrorCode,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'LogError';
    this.retryable = code === 'unavailable' || code === 'unknown-end' || code === 'missing-topic';
  }
}
