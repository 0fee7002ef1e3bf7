import { decompress } from './compression.js';
import { LogError, type LogRecord } from './log.port.js';

/**
 * Kafka's record batches (magic 2), read without copies: keys, values and headers are views of the batch's own buffer.
 *
 * | at | field            | at | field           | at | field                                          |
 * | -- | ---------------- | -- | --------------- | -- | ---------------------------------------------- |
 * |  0 | base offset, i64 | 21 | attributes, i16 | 43 | producer id, i64                               |
 * |  8 | length, i32      | 23 | last delta, i32 | 51 | producer epoch, i16                            |
 * | 12 | leader epoch,i32 | 27 | base time, i64  | 53 | base sequence, i32                             |
 * | 16 | magic, i8        | 35 | max time, i64   | 57 | count, i32                                     |
 * | 17 | crc, u32         |    |                 | 61 | records, compressed as the attributes say      |
 */
export type RawBatch = Readonly<{
  baseOffset: number;
  lastOffset: number;
  attributes: number;
  producerId: bigint;
  /** The whole batch from its base offset on. */
  bytes: Buffer;
}>;

export const batchHeadBytes = 61;
export const attributeTransactional = 0x10;
export const attributeControl = 0x20;
const attributeLogAppendTime = 0x08;
const codecMask = 0x07;

export type AbortedTransaction = Readonly<{ producerId: bigint; firstOffset: number }>;

/** The batches of one fetch answer. A last one that was cut by the answer's size is left out. */
export function splitBatches(bytes: Buffer, where: string): RawBatch[] {
  const batches: RawBatch[] = [];
  for (let at = 0; at + batchHeadBytes <= bytes.length;) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break;
    const magic = bytes[at + 16]!;
    if (magic !== 2)
      throw new LogError(
        'unreadable',
        `${where}: record format ${magic}; the topic holds records older than Kafka 0.11, which Holdfast cannot read`,
      );
    const baseOffset = readOffset(bytes, at);
    batches.push({
      baseOffset,
      lastOffset: baseOffset + bytes.readInt32BE(at + 23),
      attributes: bytes.readInt16BE(at + 21),
      producerId: bytes.readBigInt64BE(at + 43),
      bytes: bytes.subarray(at, end),
    });
    at = end;
  }
  return batches;
}

/**
 * Rule 1: which batches a read-committed reader may see. The list of aborted transactions is sorted by first offset and entered for
 * *every* one that begins up to the batch's end, per producer id; a producer leaves it with its abort marker, which is a control
 * batch whose record says so, never a record whose key merely looks like it.
 */
export function committedBatches(batches: readonly RawBatch[], aborted: readonly AbortedTransaction[]): boolean[] {
  const waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const inside = new Set<bigint>();
  let next = 0;
  return batches.map((batch) => {
    for (; next < waiting.length && waiting[next]!.firstOffset <= batch.lastOffset; next += 1) inside.add(waiting[next]!.producerId);
    if (batch.attributes & attributeControl) {
      if (isAbortMarker(batch)) inside.delete(batch.producerId);
      return false;
    }
    return !(batch.attributes & attributeTransactional && inside.has(batch.producerId));
  });
}

/** The records of one batch from `fromOffset` on. */
export function readRecords(batch: RawBatch, topic: string, partition: number, fromOffset: number): LogRecord[] {
  const { baseOffset, attributes, bytes } = batch;
  const count = bytes.readInt32BE(57);
  const body = decompress(attributes & codecMask, bytes.subarray(batchHeadBytes), `${topic}/${partition}/${baseOffset}`);
  const baseTimeMs = readOffset(bytes, 27);
  const appendTimeMs = attributes & attributeLogAppendTime ? readOffset(bytes, 35) : null;
  const reader = new Reader(body);
  const records: LogRecord[] = [];
  for (let index = 0; index < count; index += 1) {
    const length = reader.varint();
    const end = reader.at + length;
    reader.at += 1; // Attributes of a record: unused.
    const timestampMs = appendTimeMs ?? baseTimeMs + reader.peekVarint();
    reader.skipVarint();
    const offset = baseOffset + reader.varint();
    if (offset >= fromOffset) {
      const key = reader.bytes();
      const value = reader.bytes();
      records.push(new ReadRecord({ topic, partition }, offset, timestampMs, { key, value }, new Reader(body, reader.at)));
    }
    reader.at = end;
  }
  return records;
}

/** An offset or a time: safe as a number up to 2^53. */
export function readOffset(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 4_294_967_296 + bytes.readUInt32BE(at + 4);
}

/** A control record's key is its version and its type, both i16: type 0 aborts, 1 commits. */
function isAbortMarker({ bytes }: RawBatch): boolean {
  const reader = new Reader(bytes.subarray(batchHeadBytes));
  reader.varint();
  reader.at += 1;
  reader.skipVarint();
  reader.skipVarint();
  const key = reader.bytes();
  return key !== null && key.length >= 4 && key.readInt16BE(2) === 0;
}

/** Headers are read when somebody looks at them: the hot path of most records never does. */
class ReadRecord implements LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  private read: Record<string, Buffer> | null = null;

  constructor(
    { topic, partition }: Pick<LogRecord, 'topic' | 'partition'>,
    readonly offset: number,
    readonly timestampMs: number,
    { key, value }: Pick<LogRecord, 'key' | 'value'>,
    private readonly reader: Reader,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.key = key;
    this.value = value;
  }

  get headers(): Readonly<Record<string, Buffer>> {
    return (this.read ??= this.reader.headers());
  }
}

class Reader {
  constructor(
    private readonly data: Buffer,
    public at = 0,
  ) {}

  /** Zigzag, 32 bits: lengths and deltas. */
  varint(): number {
    let byte = this.data[this.at++]!;
    let value = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = this.data[this.at++]!;
      value |= (byte & 127) << shift;
    }
    return (value >>> 1) ^ -(value & 1);
  }

  skipVarint(): void {
    while (this.data[this.at++]! > 127);
  }

  /** Zigzag, up to 53 bits, without moving on: times. */
  peekVarint(): number {
    let value = 0;
    for (let at = this.at, scale = 1; ; at += 1, scale *= 128) {
      const byte = this.data[at]!;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const from = this.at;
    this.at += length;
    return this.data.subarray(from, this.at);
  }

  headers(): Record<string, Buffer> {
    const headers: Record<string, Buffer> = {};
    for (let left = this.varint(); left > 0; left -= 1) {
      const length = this.varint();
      const name = this.data.toString('utf8', this.at, this.at + length);
      this.at += length;
      const value = this.bytes() ?? empty;
      if (name === '__proto__') Object.defineProperty(headers, name, { value, enumerable: true });
      else headers[name] = value;
    }
    return headers;
  }
}

const empty = Buffer.alloc(0);
