import type { Fault, HoldfastEvent } from '#libs/domain/src/index.js';
import type { Clock, LogRecord, OutRecord, Owner, PartitionLog } from '#libs/kafka/src/index.js';
import type { BodyKind } from './decide-body.js';
import type { EnvelopePlan } from './decide-envelope.js';

/** What became of one record that was handed to the log. Anything but `appended` is not a promise either way. */
export type AppendOutcome =
  | 'appended'
  /** The bound on bytes in flight is reached, or the log has not answered for too long. */
  | 'busy'
  | 'stopping'
  /** No answer in time: it may yet be appended, and the sender repeats; dedupe absorbs it. */
  | 'timeout'
  | 'unavailable'
  /** The log refuses a record of this size whatever else is in the batch. */
  | 'too-large';

/** Appends records in batches; resolves once `acks=all` is answered for the batch the record went with. Never rejects. */
export interface EventAppender {
  append(record: OutRecord, bytes: number): Promise<AppendOutcome>;
}

/** The event as `hf.events` holds it (Avro, registry wire format). */
export interface EventEncoder {
  encode(event: HoldfastEvent): Buffer;
}

/** Signature over the raw bytes. Which secret fitted, or what was wrong, is not told. */
export interface SignatureVerifier {
  verify(header: (name: string) => string | undefined, body: Buffer): boolean;
}

/** Fresh names; random, so behind a port. */
export interface Naming {
  /** Time-ordered (UUIDv7). */
  eventId(): string;
  correlationId(): string;
  /** A W3C traceparent of a new trace. */
  traceparent(): string;
  hash(text: string): string;
}

/** Counts for `holdfast_events_received_total`, and one wide line per refusal, by name. */
export interface DoorTelling {
  received(source: string, type: string): void;
  refused(
    line: Readonly<{ source: string; status: number; code: string; correlationId: string; bytes: number; error?: Error | undefined }>,
  ): void;
}

/** One webhook source, compiled from its configuration. */
export type WebhookSource = Readonly<{
  name: string;
  bodyMaxBytes: number;
  contentTypes: readonly string[] | null;
  envelope: EnvelopePlan;
  signature: SignatureVerifier;
}>;

export type DoorRequest = Readonly<{
  header(name: string): string | undefined;
  body: Buffer;
  contentType: string | undefined;
  kind: BodyKind;
  correlationId: string;
  traceparent: string;
}>;

export type DoorPorts = Readonly<{
  appender: EventAppender;
  encoder: EventEncoder;
  naming: Naming;
  telling: DoorTelling;
  nowMs(): number;
  eventsTopic: string;
}>;

export type RefusalCode =
  | 'bad-signature'
  | 'too-large'
  | 'content-type'
  | 'content-encoding'
  | 'unknown-source'
  | 'method'
  | 'bad-request'
  | 'not-durable'
  | 'busy'
  | 'stopping'
  | 'internal';
export type Admission = Readonly<{ kind: 'accepted'; id: string }> | Readonly<{ kind: 'refused'; code: RefusalCode }>;

/** A producer's record as its format reads it. Faults keep the raw bytes; the partition goes on. */
export type DecodedRecord = Readonly<{
  value: unknown;
  body: Buffer;
  /** The record's headers by lower-case name, and for CloudEvents its attributes as `ce_*`. */
  headers: Readonly<Record<string, string>>;
  contentType: string | null;
  dataschema: string | null;
  schemaversion: string | null;
  attributes: Readonly<Record<string, string>>;
  /** The entity where the configuration finds none: a tombstone has nothing but its key. */
  spareEntity: string | null;
  fault: Fault | null;
}>;

/** Rejects (retryable) only while the registry cannot be asked; the partition then waits. */
export interface RecordDecoder {
  decode(record: LogRecord): Promise<DecodedRecord>;
}

/** One topic source, compiled from its configuration. */
export type TopicSource = Readonly<{ name: string; topic: string; envelope: EnvelopePlan; decoder: RecordDecoder }>;

/** How a partition's copying stands, for readiness and the log. */
export interface CopyTelling {
  received(source: string, type: string): void;
  copied(line: Readonly<{ source: string; partition: number; records: number; faulty: number; offset: number; tookMs: number }>): void;
  /** The partition waits; null: it goes on. */
  waiting(source: string, partition: number, error: Error | null): void;
}

export type CopyPorts = Readonly<{
  owner(log: PartitionLog): Owner;
  encoder: EventEncoder;
  naming: Naming;
  telling: CopyTelling;
  clock: Clock;
  eventsTopic: string;
  /** Records of one transaction, values together: what the broker takes in one batch. */
  batchMaxBytes: number;
}>;
