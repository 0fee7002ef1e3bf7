import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { Cursor } from './kafkajs-cursor.js';
import { LogError } from './log.port.js';
import { committedBatches, splitBatches } from './record-batch.js';
import { encodeBatch, prepareRecord } from './record-batch-encode.js';
import { ManualClock } from './testing/manual-clock.js';

// Goal: a reader gets every committed record once and in order, however its answers are cut, and never gets past what cannot be read.
function batchAt(baseOffset: number, values: readonly string[], damage: 'none' | 'torn' = 'none') {
  const records = values.map((value) => prepareRecord({ topic: 't', key: null, value: Buffer.from(value), headers: {} }));
  const plain = encodeBatch(records, {
    producerId: -1n,
    producerEpoch: -1,
    baseSequence: -1,
    transactional: false,
    nowMs: 0,
    compressAboveBytes: Infinity,
  });
  const bytes = damage === 'none' ? plain : Buffer.concat([plain.subarray(0, 61), gzipSync(plain.subarray(61)).subarray(0, 15)]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  if (damage === 'torn') bytes[22] = 1;
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  return splitBatches(bytes, 't/0');
}

function world(how: 'through' | 'glance' = 'through') {
  const clock = new ManualClock();
  const cursor = new Cursor({ topic: 't', partition: 0, how }, clock, () => {});
  const feed = (batches: ReturnType<typeof batchAt>, era = cursor.era): void => cursor.accept(era, batches, committedBatches(batches, []));
  const read = async (from: number, records = 10) => {
    const { records: some, nextOffset } = await cursor.read(from, { records, waitMs: 0 });
    return { values: some.map(({ value }) => String(value)), nextOffset };
  };
  return { clock, cursor, feed, read };
}

describe("a reader's place", () => {
  it('gives out what was fetched ahead, cut as the reader likes', async () => {
    const { cursor, feed, read } = world();
    expect(await read(5)).toEqual({ values: [], nextOffset: 5 });
    feed(batchAt(4, ['4', '5', '6', '7']));
    feed(batchAt(10, ['10']));
    expect(cursor.fetchOffset).toBe(11);
    expect(await read(5, 2)).toEqual({ values: ['5', '6'], nextOffset: 7 });
    expect(await read(7)).toEqual({ values: ['7', '10'], nextOffset: 11 });
    expect(cursor.queuedBytes).toBe(0);
  });

  it('drops an answer to a fetch from before a seek, and one that it has already', async () => {
    const { cursor, feed, read } = world();
    await read(0);
    const { era } = cursor;
    await read(100);
    feed(batchAt(0, ['old']), era);
    expect(await read(100)).toEqual({ values: [], nextOffset: 100 });
    feed(batchAt(100, ['a', 'b']));
    feed(batchAt(100, ['a', 'b']));
    expect(await read(100)).toEqual({ values: ['a', 'b'], nextOffset: 102 });
  });

  it('stops before a batch that cannot be read, every time, and never passes over it', async () => {
    const { cursor, feed, read } = world();
    await read(0);
    feed([...batchAt(0, ['0']), ...batchAt(1, ['torn'], 'torn'), ...batchAt(2, ['2'])]);
    expect(await read(0)).toEqual({ values: ['0'], nextOffset: 1 });
    await expect(read(1)).rejects.toMatchObject({ code: 'unreadable', message: expect.stringContaining('t/0/1') });
    await read(1);
    expect(cursor.fetchOffset).toBe(1); // It is fetched again, and fails again.
    feed([...batchAt(1, ['torn'], 'torn'), ...batchAt(2, ['2'])]);
    await expect(read(1)).rejects.toMatchObject({ code: 'unreadable' });
  });

  it('wakes with data, with a failure, and with the end of the wait', async () => {
    const { clock, cursor, feed } = world();
    const wait = { records: 10, waitMs: 1_000 };
    const first = cursor.read(0, wait);
    feed(batchAt(0, ['0']));
    expect((await first).nextOffset).toBe(1);
    const second = cursor.read(1, wait);
    cursor.fail(cursor.era, new LogError('out-of-range', 'planted'));
    await expect(second).rejects.toMatchObject({ code: 'out-of-range' });
    const third = cursor.read(1, wait);
    await clock.advance(1_000);
    expect(await third).toEqual({ records: [], nextOffset: 1 });
    expect(cursor.isAsking(500)).toBe(true);
    await clock.advance(501);
    expect(cursor.isAsking(500)).toBe(false);
  });

  it('is fetched for only while it waits when it is a glance, and then for one batch if one record is enough', async () => {
    const { clock, cursor, feed } = world('glance');
    const first = cursor.read(3, { records: 1, waitMs: 1_000 });
    expect([cursor.isAsking(500), cursor.wantsOne]).toEqual([true, true]);
    feed(batchAt(3, ['3', '4']));
    expect((await first).records.map(({ offset }) => offset)).toEqual([3]);
    expect(cursor.isAsking(500)).toBe(false);
    const second = cursor.read(7, { records: 5, waitMs: 1_000 });
    expect([cursor.isAsking(500), cursor.wantsOne]).toEqual([true, false]);
    await clock.advance(1_000);
    expect((await second).records).toEqual([]);
    expect(cursor.isAsking(500)).toBe(false);
  });
});
