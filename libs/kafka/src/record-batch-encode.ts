import { codec, compressZstd } from './compression.js';
import { crc32c } from './crc32c.js';
import type { OutRecord } from './log.port.js';
import { attributeTransactional, batchHeadBytes } from './record-batch.js';

export type BatchFrame = Readonly<{
  producerId: bigint;
  producerEpoch: number;
  baseSequence: number;
  transactional: boolean;
  nowMs: number;
  compressAboveBytes: number;
}>;

/** One record as it goes into a batch: texts are bytes already, and its length is known. */
export type PreparedRecord = Readonly<{
  key: Buffer | null;
  value: Buffer | null;
  headers: readonly (readonly [Buffer, Buffer])[];
  bytes: number;
}>;

/** `bytes` is what the record adds to a batch, with room for the longest offset delta. */
export function prepareRecord({ key, value, headers }: OutRecord): PreparedRecord {
  const keyBytes = typeof key === 'string' ? Buffer.from(key) : key;
  let bytes = 16 + sizeOf(keyBytes) + sizeOf(value);
  const pairs: [Buffer, Buffer][] = [];
  for (const name of Object.keys(headers)) {
    const header = headers[name]!;
    const pair: [Buffer, Buffer] = [headerName(name), typeof header === 'string' ? Buffer.from(header) : header];
    bytes += sizeOf(pair[0]) + sizeOf(pair[1]);
    pairs.push(pair);
  }
  return { key: keyBytes, value, headers: pairs, bytes };
}

/** The batch's offsets count from 0: the broker assigns the real ones. */
export function encodeBatch(records: readonly PreparedRecord[], frame: BatchFrame): Buffer {
  let roomBytes = batchHeadBytes;
  for (const record of records) roomBytes += record.bytes;
  const plain = Buffer.allocUnsafe(roomBytes);
  const writer = new Writer(plain, batchHeadBytes);
  for (let index = 0; index < records.length; index += 1) writer.record(records[index]!, index);
  const compressed = writer.at - batchHeadBytes > frame.compressAboveBytes ? compressZstd(plain.subarray(batchHeadBytes, writer.at)) : null;
  const shrunk = compressed !== null && compressed.length < writer.at - batchHeadBytes;
  const batch = shrunk ? Buffer.concat([plain.subarray(0, batchHeadBytes), compressed]) : plain.subarray(0, writer.at);
  writeHead(batch, records.length, shrunk ? codec.zstd : codec.none, frame);
  return batch;
}

function writeHead(batch: Buffer, count: number, codecId: number, frame: BatchFrame): void {
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12);
  batch[16] = 2;
  batch.writeInt16BE(codecId | (frame.transactional ? attributeTransactional : 0), 21);
  batch.writeInt32BE(count - 1, 23);
  batch.writeBigInt64BE(BigInt(frame.nowMs), 27);
  batch.writeBigInt64BE(BigInt(frame.nowMs), 35);
  batch.writeBigInt64BE(frame.producerId, 43);
  batch.writeInt16BE(frame.producerEpoch, 51);
  batch.writeInt32BE(frame.baseSequence, 53);
  batch.writeInt32BE(count, 57);
  batch.writeUInt32BE(crc32c(batch, 21), 17);
}

class Writer {
  constructor(
    private readonly data: Buffer,
    public at: number,
  ) {}

  record({ key, value, headers }: PreparedRecord, offsetDelta: number): void {
    let body = 2 + varintSize(offsetDelta) + sizeOf(key) + sizeOf(value) + varintSize(headers.length);
    for (const [name, header] of headers) body += sizeOf(name) + sizeOf(header);
    this.varint(body);
    this.data[this.at++] = 0; // Attributes.
    this.data[this.at++] = 0; // Time: the batch's own.
    this.varint(offsetDelta);
    this.bytes(key);
    this.bytes(value);
    this.varint(headers.length);
    for (const [name, header] of headers) {
      this.bytes(name);
      this.bytes(header);
    }
  }

  private bytes(value: Buffer | null): void {
    if (value === null) return this.varint(-1);
    this.varint(value.length);
    this.data.set(value, this.at);
    this.at += value.length;
  }

  private varint(value: number): void {
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    while (rest > 127) {
      this.data[this.at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.data[this.at++] = rest;
  }
}

function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : zigzag < 0x1000_0000 ? 4 : 5;
}

const sizeOf = (value: Buffer | null): number => (value === null ? 1 : varintSize(value.length) + value.length);

/** Header names are few and repeat in every record. */
const headerNames = new Map<string, Buffer>();
const headerNamesMax = 256;

function headerName(name: string): Buffer {
  const known = headerNames.get(name);
  if (known) return known;
  const made = Buffer.from(name);
  if (headerNames.size < headerNamesMax) headerNames.set(name, made);
  return made;
}
