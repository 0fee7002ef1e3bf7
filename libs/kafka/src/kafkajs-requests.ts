import { kafkaApi, type RawRequest } from './kafkajs-internals.kafka.js';
import { type AbortedTransaction, readOffset } from './record-batch.js';

export type FetchWant = Readonly<{ topic: string; partition: number; fromOffset: number; maxBytes: number }>;
export type FetchedPartition = Readonly<{
  topic: string;
  partition: number;
  errorCode: number;
  lastStableOffset: number;
  startOffset: number;
  aborted: readonly AbortedTransaction[];
  /** Record batches as they stand in the log; a view of the whole answer. */
  batches: Buffer;
}>;

/** Fetch v11, read committed, without a fetch session: what is wanted changes with every answer. */
export function fetchRequest(
  wants: readonly FetchWant[],
  limits: Readonly<{ waitMs: number; maxBytes: number }>,
): RawRequest<FetchedPartition[]> {
  const encode = (): Buffer => {
    const bytes = 64 + wants.reduce((sum, { topic }) => sum + 38 + Buffer.byteLength(topic), 0);
    const out = new Out(bytes).i32(-1).i32(limits.waitMs).i32(1).i32(limits.maxBytes).i8(1).i32(0).i32(-1).i32(wants.length);
    for (const want of wants) {
      out.text(want.topic).i32(1).i32(want.partition).i32(-1).i64(want.fromOffset).i64(-1).i32(want.maxBytes);
    }
    return out.i32(0).text('').done();
  };
  return { apiKey: kafkaApi.fetch, apiVersion: 11, apiName: 'Fetch', encode, decode: decodeFetch, timeoutMs: limits.waitMs + 5_000 };
}

function decodeFetch(body: Buffer): FetchedPartition[] {
  const from = new In(body);
  from.at = 10; // Throttle time, error of the session, session id.
  const fetched: FetchedPartition[] = [];
  for (let topics = from.i32(); topics > 0; topics -= 1) {
    const topic = from.text();
    for (let partitions = from.i32(); partitions > 0; partitions -= 1) fetched.push(fetchedPartition(from, topic));
  }
  return fetched;
}

function fetchedPartition(from: In, topic: string): FetchedPartition {
  const partition = from.i32();
  const errorCode = from.i16();
  from.i64(); // High watermark: a read-committed reader's end is the last stable offset.
  const lastStableOffset = from.i64();
  const startOffset = from.i64();
  const aborted: AbortedTransaction[] = [];
  for (let left = from.i32(); left > 0; left -= 1) aborted.push({ producerId: from.big(), firstOffset: from.i64() });
  from.i32(); // Preferred read replica: leaders only.
  return { topic, partition, errorCode, lastStableOffset, startOffset, aborted, batches: from.bytes() };
}

export type ProducePart = Readonly<{ topic: string; partition: number; batch: Buffer }>;
export type ProducedPart = Readonly<{ topic: string; partition: number; errorCode: number; baseOffset: number }>;

/** Produce v7, `acks=all`, one batch a partition. */
export function produceRequest(
  parts: readonly ProducePart[],
  transactionalId: string | null,
  timeoutMs: number,
): RawRequest<ProducedPart[]> {
  const encode = (): Buffer => {
    const bytes =
      64 +
      Buffer.byteLength(transactionalId ?? '') +
      parts.reduce((sum, { topic, batch }) => sum + 18 + Buffer.byteLength(topic) + batch.length, 0);
    const out = new Out(bytes).text(transactionalId).i16(-1).i32(timeoutMs).i32(parts.length);
    for (const { topic, partition, batch } of parts) out.text(topic).i32(1).i32(partition).bytes(batch);
    return out.done();
  };
  return { apiKey: kafkaApi.produce, apiVersion: 7, apiName: 'Produce', encode, decode: decodeProduce };
}

function decodeProduce(body: Buffer): ProducedPart[] {
  const from = new In(body);
  const produced: ProducedPart[] = [];
  for (let topics = from.i32(); topics > 0; topics -= 1) {
    const topic = from.text();
    for (let partitions = from.i32(); partitions > 0; partitions -= 1) {
      produced.push({ topic, partition: from.i32(), errorCode: from.i16(), baseOffset: from.i64() });
      from.at += 16; // Append time, log start.
    }
  }
  return produced;
}

class Out {
  private at = 0;
  private readonly data: Buffer;
  constructor(roomBytes: number) {
    this.data = Buffer.allocUnsafe(roomBytes);
  }
  i8(value: number): this {
    this.at = this.data.writeInt8(value, this.at);
    return this;
  }
  i16(value: number): this {
    this.at = this.data.writeInt16BE(value, this.at);
    return this;
  }
  i32(value: number): this {
    this.at = this.data.writeInt32BE(value, this.at);
    return this;
  }
  i64(value: number): this {
    this.at = this.data.writeBigInt64BE(BigInt(value), this.at);
    return this;
  }
  text(value: string | null): this {
    if (value === null) return this.i16(-1);
    this.i16(Buffer.byteLength(value));
    this.at += this.data.write(value, this.at);
    return this;
  }
  bytes(value: Buffer): this {
    this.i32(value.length);
    this.data.set(value, this.at);
    this.at += value.length;
    return this;
  }
  done(): Buffer {
    return this.data.subarray(0, this.at);
  }
}

class In {
  at = 0;
  constructor(private readonly data: Buffer) {}
  i16(): number {
    this.at += 2;
    return this.data.readInt16BE(this.at - 2);
  }
  i32(): number {
    this.at += 4;
    return this.data.readInt32BE(this.at - 4);
  }
  i64(): number {
    this.at += 8;
    return readOffset(this.data, this.at - 8);
  }
  big(): bigint {
    this.at += 8;
    return this.data.readBigInt64BE(this.at - 8);
  }
  text(): string {
    const length = this.i16();
    this.at += length;
    return this.data.toString('utf8', this.at - length, this.at);
  }
  bytes(): Buffer {
    const length = Math.max(0, this.i32());
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }
}
