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

/** One record as it goes into a batch. `bytes` is what it adds to one, with room for the longest offset delta. */
export type PreparedRecord = Readonly<{
  key: Measured;
  value: Measured;
  headers: MeasuredHeaders;
  bytes: number;
}>;

/** Names and values in turn. */
type MeasuredHeaders = Readonly<{ texts: readonly Measured[]; bytes: number }>;

/** Texts are written straight into the batch: a buffer for each of them would cost more than all the rest. `length` in bytes, -1 for null. */
type Measured = Readonly<{ data: Buffer | string | null; length: number }>;

export function prepareRecord({ key, value, headers }: OutRecord): PreparedRecord {
  const [measuredKey, measuredValue] = [measured(key), measured(value)];
  const found = measuredHeaders(headers);
  const bytes = 16 + sizeOf(measuredKey) + sizeOf(measuredValue) + found.bytes;
  return { key: measuredKey, value: measuredValue, headers: found, bytes };
}

let lastHeaders: OutRecord['headers'] | null = null;
let lastMeasured: MeasuredHeaders = { texts: [], bytes: 0 };

/** A delivery and the fact of it go out one behind the other with the same headers. */
function measuredHeaders(headers: OutRecord['headers']): MeasuredHeaders {
  if (headers === lastHeaders) return lastMeasured;
  const texts: Measured[] = [];
  let bytes = 0;
  for (const name in headers) {
    const [measuredName, value] = [headerName(name), measured(headers[name]!)];
    bytes += sizeOf(measuredName) + sizeOf(value);
    texts.push(measuredName, value);
  }
  lastHeaders = headers;
  lastMeasured = { texts, bytes };
  return lastMeasured;
}

const nothing: Measured = { data: null, length: -1 };

const measured = (data: Buffer | string | null): Measured =>
  data === null ? nothing : { data, length: typeof data === 'string' ? Buffer.byteLength(data) : data.length };

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
    const { texts } = headers;
    const count = texts.length / 2;
    this.varint(2 + varintSize(offsetDelta) + sizeOf(key) + sizeOf(value) + varintSize(count) + headers.bytes);
    this.data[this.at++] = 0; // Attributes.
    this.data[this.at++] = 0; // Time: the batch's own.
    this.varint(offsetDelta);
    this.bytes(key);
    this.bytes(value);
    this.varint(count);
    for (let index = 0; index < texts.length; index += 1) this.bytes(texts[index]!);
  }

  private bytes({ data, length }: Measured): void {
    this.varint(length);
    if (data === null) return;
    if (typeof data !== 'string') this.data.set(data, this.at);
    else if (length === data.length && length <= shortText) this.ascii(data);
    else this.data.write(data, this.at, length);
    this.at += length;
  }

  /** As many bytes as characters: each is one. A native call costs more than a few of them. */
  private ascii(text: string): void {
    for (let index = 0; index < text.length; index += 1) this.data[this.at + index] = text.charCodeAt(index);
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

const sizeOf = ({ length }: Measured): number => (length < 0 ? 1 : varintSize(length) + length);

const shortText = 40;

/** Header names are few and repeat in every record. */
const headerNames = new Map<string, Measured>();
const headerNamesMax = 256;

function headerName(name: string): Measured {
  const known = headerNames.get(name);
  if (known) return known;
  const made = measured(Buffer.from(name));
  if (headerNames.size < headerNamesMax) headerNames.set(name, made);
  return made;
}
