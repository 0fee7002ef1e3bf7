import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { crc32c } from './crc32c.js';
import type { OutRecord } from './log.port.js';
import { attributeControl, attributeTransactional, committedBatches, type RawBatch, readRecords, splitBatches } from './record-batch.js';
import { encodeBatch, prepareRecord } from './record-batch-encode.js';

// Goal: our reading and writing of batches against each other and against kafkajs's, and rule 1's filter on its own.
const require = createRequire(import.meta.url);
const KafkajsDecoder = require('kafkajs/src/protocol/decoder') as new (data: Buffer) => object;
const decodeByKafkajs = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: object) => Promise<{ records: { key: Buffer | null; value: Buffer | null; headers: object; offset: string }[]; producerId: string; firstSequence: number; inTransaction: boolean }>; // prettier-ignore
const crcByKafkajs = require('kafkajs/src/protocol/recordBatch/crc32C') as (encoder: Buffer) => number;

const frame = {
  producerId: 42n,
  producerEpoch: 3,
  baseSequence: 7,
  transactional: true,
  nowMs: 1_700_000_000_000,
  compressAboveBytes: Infinity,
};
const bytes = fc.uint8Array({ maxLength: 300 }).map((data) => Buffer.from(data));
const outRecord = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(fc.string({ maxLength: 20 }), bytes, { maxKeys: 4 }),
});
const batchOf = (records: readonly Omit<OutRecord, 'topic'>[], more: Partial<typeof frame> = {}): Buffer =>
  encodeBatch(records.map((record) => prepareRecord({ topic: 't', ...record })), { ...frame, ...more }); // prettier-ignore

describe('record batches', () => {
  it('are read as they were written, plain and compressed', () => {
    fc.assert(
      fc.property(fc.array(outRecord, { minLength: 1, maxLength: 20 }), fc.boolean(), (records, compressed) => {
        const encoded = batchOf(records, { compressAboveBytes: compressed ? 0 : Infinity });
        const [batch] = splitBatches(encoded, 't/0');
        const read = readRecords(batch!, 't', 0, 0);
        expect(read.map(({ key, value, headers }) => ({ key, value, headers: { ...headers } }))).toEqual(
          records.map((record) => ({ ...record, headers: { ...record.headers } })),
        );
        expect(read.map(({ offset }) => offset)).toEqual(records.map((_, index) => index));
        expect(read[0]!.timestampMs).toBe(frame.nowMs);
        expect(encoded.readUInt32BE(17)).toBe(crc32c(encoded, 21));
      }),
    );
  });

  it('are read the same by kafkajs', async () => {
    const records: Omit<OutRecord, 'topic'>[] = [
      { key: Buffer.from('k'), value: Buffer.from('v'.repeat(300)), headers: { a: Buffer.from('b') } },
      { key: null, value: null, headers: {} },
    ];
    const read = await decodeByKafkajs(new KafkajsDecoder(batchOf(records)));
    expect(read).toMatchObject({ producerId: '42', firstSequence: 7, inTransaction: true });
    expect(read.records).toMatchObject([
      { ...records[0], offset: '0' },
      { key: null, value: null, offset: '1' },
    ]);
  });

  it('carry the checksum that Kafka wants', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    fc.assert(fc.property(bytes, (data) => expect(crc32c(data)).toBe(crcByKafkajs(data) >>> 0)));
  });

  it('are left out when the answer cut them, and begin where the reader asked', () => {
    const one = batchOf([{ key: null, value: Buffer.from('0'), headers: {} }, { key: null, value: Buffer.from('1'), headers: {} }]); // prettier-ignore
    expect(splitBatches(Buffer.concat([one, one]), 't/0')).toHaveLength(2);
    expect(splitBatches(Buffer.concat([one, one.subarray(0, one.length - 1)]), 't/0')).toHaveLength(1);
    expect(splitBatches(Buffer.concat([one, one.subarray(0, 30)]), 't/0')).toHaveLength(1);
    expect(readRecords(splitBatches(one, 't/0')[0]!, 't', 0, 1).map(({ offset }) => offset)).toEqual([1]);
  });

  it("reads a producer's gzip, and says what to do about a codec it has not", () => {
    const plain = batchOf([{ key: Buffer.from('k'), value: Buffer.from('v'), headers: {} }]);
    const zipped = Buffer.concat([plain.subarray(0, 61), gzipSync(plain.subarray(61))]);
    zipped.writeInt32BE(zipped.length - 12, 8);
    zipped[22] = 1;
    expect(String(readRecords(splitBatches(zipped, 't/0')[0]!, 't', 0, 0)[0]!.value)).toBe('v');
    zipped[22] = 2;
    expect(() => readRecords(splitBatches(zipped, 't/0')[0]!, 't', 0, 0)).toThrow(/snappy.*zstd or gzip/);
    zipped[16] = 1;
    expect(() => splitBatches(zipped, 't/0')).toThrow('record format 1');
  });

  it('keep a header that is called __proto__ as a header', () => {
    const headers = Object.defineProperty({}, '__proto__', { value: Buffer.from('x'), enumerable: true }) as Record<string, Buffer>;
    const [read] = readRecords(splitBatches(batchOf([{ key: null, value: null, headers }]), 't/0')[0]!, 't', 0, 0);
    expect(Object.getPrototypeOf(read!.headers)).toBe(Object.prototype);
    expect(Object.getOwnPropertyNames(read!.headers)).toEqual(['__proto__']);
  });
});

describe('the filter of aborted records', () => {
  const data = (offset: number, producerId: bigint, transactional = true): RawBatch => ({
    baseOffset: offset,
    lastOffset: offset,
    attributes: transactional ? attributeTransactional : 0,
    producerId,
    bytes: Buffer.alloc(0),
  });
  const marker = (offset: number, producerId: bigint, type: 'abort' | 'commit'): RawBatch => {
    const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1]);
    return {
      baseOffset: offset,
      lastOffset: offset,
      attributes: attributeTransactional | attributeControl,
      producerId,
      bytes: batchOf([{ key, value: Buffer.alloc(6), headers: {} }]),
    };
  };
  const seen = (batches: RawBatch[], aborted: { producerId: bigint; firstOffset: number }[]): number[] => {
    const committed = committedBatches(batches, aborted);
    return batches.filter((_, index) => committed[index]).map(({ baseOffset }) => baseOffset);
  };

  it('enters every aborted transaction that has begun, though several begin before the next record, in any order of the list', () => {
    const log = [
      data(0, 1n),
      data(1, 2n),
      data(2, 1n),
      data(3, 2n),
      data(4, 3n),
      marker(5, 2n, 'abort'),
      data(6, 1n),
      marker(7, 1n, 'abort'),
      marker(8, 3n, 'commit'),
    ];
    const aborted = [{ producerId: 2n, firstOffset: 1 }, { producerId: 1n, firstOffset: 0 }]; // prettier-ignore
    expect(seen(log, aborted)).toEqual([4]);
    expect(seen(log.slice(4), aborted)).toEqual([4]); // A fetch from the middle is told of both.
  });

  it("leaves a transaction with its producer's marker, and shows what the producer commits afterwards", () => {
    const log = [data(0, 1n), marker(1, 1n, 'abort'), data(2, 1n), marker(3, 1n, 'commit'), data(4, 1n), marker(5, 1n, 'abort')];
    expect(seen(log, [{ producerId: 1n, firstOffset: 0 }, { producerId: 1n, firstOffset: 4 }])).toEqual([2]); // prettier-ignore
  });

  it('never hides what is outside a transaction, and takes no key for a marker', () => {
    const looksLikeOne = { ...data(1, 1n), bytes: marker(1, 1n, 'abort').bytes };
    expect(seen([data(0, 1n, false), looksLikeOne, data(2, 1n)], [{ producerId: 1n, firstOffset: 0 }])).toEqual([0]);
    expect(seen([data(0, 1n), marker(1, 1n, 'commit'), data(2, 1n)], [])).toEqual([0, 2]);
  });
});
