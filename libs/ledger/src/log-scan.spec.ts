import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MemoryLog, systemClock, type PartitionReader } from '#libs/kafka/src/index.js';
import { offsetSince, recordAt, scanPartition } from './log-scan.js';

// Goal: the search by time never starts behind a record that belongs to the span, whatever markers stand between.
describe('looking into a log', () => {
  it('starts at or before the first record of the time asked for, and close to it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { minLength: 1, maxLength: 3_000 }), fc.nat(6_000), async (steps, sinceMs) => {
        let nowMs = 0;
        const log = new MemoryLog({ clock: { ...systemClock, nowMs: () => nowMs } }).createTopic('t');
        for (const step of steps) {
          nowMs += step;
          log.broker.write([{ topic: 't', key: null, value: null, headers: {} }], null);
        }
        const reader = log.process().reader('t', 0);
        const from = await offsetSince(reader, await reader.bounds(), sinceMs);
        const first = log.records('t').find((record) => record.timestampMs >= sinceMs)?.offset ?? steps.length;
        expect(from).toBeLessThanOrEqual(first);
        expect(first - from).toBeLessThanOrEqual(501);
      }),
      { numRuns: 30 },
    );
  });

  it('reads over aborted records, and finds no record where one was aborted', async () => {
    const log = new MemoryLog().createTopic('t');
    const write = (value: string, how: 'committed' | 'aborted') => {
      const epoch = log.broker.fence('id');
      log.broker.write([{ topic: 't', key: null, value: Buffer.from(value), headers: {} }], log.broker.begin('id', epoch));
      log.broker.end('id', epoch, how);
    };
    write('a', 'committed');
    write('b', 'aborted');
    write('c', 'committed');
    const reader = log.process().reader('t', 0);
    const { startOffset, endOffset } = await reader.bounds();
    const seen: string[] = [];
    const end = await scanPartition(reader, { from: startOffset, to: endOffset }, (record) => void seen.push(String(record.value)));
    expect(seen).toEqual(['a', 'c']);
    expect(end).toBe(endOffset);
    const offsets = log.records('t').map((record) => record.offset);
    expect(String((await recordAt(reader, offsets[1]!))?.value)).toBe('c');
    expect(await recordAt(reader, offsets[1]! - 1)).toBeNull();
    expect(await recordAt(reader, endOffset)).toBeNull();
  });

  it('goes on behind what retention takes away meanwhile', async () => {
    const log = new MemoryLog().createTopic('t');
    for (let each = 0; each < 10; each++) log.broker.write([{ topic: 't', key: null, value: null, headers: {} }], null);
    log.trim('t', 0, 6);
    const seen: number[] = [];
    await scanPartition(log.process().reader('t', 0), { from: 0, to: 10 }, (record) => void seen.push(record.offset));
    expect(seen).toEqual([6, 7, 8, 9]);
  });

  it('a log that answers nothing for a while has not lost the record', async () => {
    const log = new MemoryLog().createTopic('t');
    log.broker.write([{ topic: 't', key: null, value: null, headers: {} }], null);
    const real = log.process().reader('t', 0);
    let slow = 3;
    const reader: PartitionReader = {
      topic: 't',
      partition: 0,
      bounds: () => real.bounds(),
      read: (from, max) => (slow-- > 0 ? Promise.resolve({ records: [], nextOffset: from }) : real.read(from, max)),
    };
    expect(await recordAt(reader, 0)).toMatchObject({ offset: 0 });
    slow = Infinity;
    await expect(recordAt(reader, 0)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
  });
});
