import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LogCluster, RecordSink } from '../log.port.js';
import { partitionOfKey } from '../partition-of-key.js';
import { boundMs, type LogHarness, readTo, readUntil, readUntilEmpty, recordOf as record, text } from './log-steps.js';
import { owningContract } from './log-owning.contract.js';

/** The behaviour that every LogCluster owes its callers. An adapter is done when it passes unchanged. */
export function logContract(name: string, open: () => Promise<LogHarness>): void {
  describe(`log contract: ${name}`, () => {
    let harness: LogHarness;
    let cluster: LogCluster;
    let sink: RecordSink;

    beforeAll(async () => {
      harness = await open();
      cluster = harness.process('first');
      sink = await cluster.sink();
    });
    afterAll(() => harness.close());

    describe('reading', () => {
      it('gives records in order, with key, value, headers and time, and goes on where it stopped', async () => {
        const topic = await harness.createTopic(1);
        const before = Date.now();
        await sink.append(
          Array.from({ length: 250 }, (_, i) =>
            record(topic, `v${i}`, { key: i % 2 ? `k${i}` : null, headers: { 'ce-id': `${i}`, bin: Buffer.from([0, 255]) } }),
          ),
        );
        await sink.append([record(topic, 'tombstone', { value: null })]);
        const reader = cluster.reader(topic, 0);
        const first = await reader.read(0, { records: 100, waitMs: 5_000 });
        expect(first.records.length).toBeGreaterThan(0);
        expect(first.records.length).toBeLessThanOrEqual(100);
        const all = [...first.records, ...(await readTo(reader, first.nextOffset, 251))];
        expect(all.map(({ offset }) => offset)).toEqual(Array.from({ length: 251 }, (_, i) => i));
        expect(all.slice(0, 250).map(text)).toEqual(Array.from({ length: 250 }, (_, i) => `v${i}`));
        expect(all[7]).toMatchObject({
          topic,
          partition: 0,
          offset: 7,
          key: Buffer.from('k7'),
          headers: { 'ce-id': Buffer.from('7'), bin: Buffer.from([0, 255]) },
        });
        expect(all[8]!.key).toBeNull();
        expect(all[250]!.value).toBeNull();
        expect(Math.abs(all[0]!.timestampMs - before)).toBeLessThan(60_000);
      });

      it('reads again from any offset, and two readers do not disturb each other', async () => {
        const topic = await harness.createTopic(1);
        await sink.append(Array.from({ length: 50 }, (_, i) => record(topic, `v${i}`)));
        const [one, two] = [cluster.reader(topic, 0), cluster.reader(topic, 0)];
        const [whole, tail] = await Promise.all([readTo(one, 0, 50), readTo(two, 40, 50)]);
        expect(whole).toHaveLength(50);
        expect(tail.map(text)).toEqual(whole.slice(40).map(text));
        expect((await readTo(one, 13, 50))[0]!.offset).toBe(13);
      });

      it('answers empty after the wait, at once when it may not wait, and wakes with an append', async () => {
        const topic = await harness.createTopic(1);
        const reader = cluster.reader(topic, 0);
        expect(await reader.read(0, { records: 10, waitMs: 0 })).toEqual({ records: [], nextOffset: 0 });
        const startedMs = performance.now();
        expect(await reader.read(0, { records: 10, waitMs: 300 })).toEqual({ records: [], nextOffset: 0 });
        expect(performance.now() - startedMs).toBeGreaterThan(250);
        const reading = reader.read(0, { records: 10, waitMs: boundMs });
        await sink.append([record(topic, 'late')]);
        expect((await reading).records.map(text)).toEqual(['late']);
        const stopped = new AbortController();
        const waiting = reader.read(1, { records: 10, waitMs: boundMs }, stopped.signal);
        stopped.abort();
        expect((await waiting).records).toEqual([]);
      });

      it('shows committed records only, and passes over what was aborted and over control markers', async () => {
        const topic = await harness.createTopic(1);
        const aborted = await harness.begin(`${topic}-a`);
        await aborted.send(record(topic, 'aborted'));
        await aborted.abort();
        expect((await readUntil(cluster.reader(topic, 0), 0, 2)).nextOffset).toBe(2); // Its marker has been written.
        const committed = await harness.begin(`${topic}-b`);
        await committed.send(record(topic, 'committed'));
        const reader = cluster.reader(topic, 0);
        expect(await readUntilEmpty(reader, 0)).toMatchObject({ records: [], nextOffset: 2 });
        expect((await reader.bounds()).endOffset).toBe(2);
        await committed.commit();
        const { records, nextOffset } = await readUntil(reader, 0, 4);
        expect(records.map(text)).toEqual(['committed']);
        expect(records[0]!.offset).toBe(2);
        expect(nextOffset).toBe(4);
        expect(await reader.bounds()).toEqual({ startOffset: 0, endOffset: 4 });
      });

      it('hides aborted records when the transactions overlap', async () => {
        const topic = await harness.createTopic(1);
        const [long, short, good] = [
          await harness.begin(`${topic}-x`),
          await harness.begin(`${topic}-y`),
          await harness.begin(`${topic}-z`),
        ];
        await long.send(record(topic, 'aborted x1'));
        await short.send(record(topic, 'aborted y1', { key: Buffer.alloc(4) }));
        await short.abort();
        await long.send(record(topic, 'aborted x2', { key: Buffer.alloc(4) }));
        await long.send(record(topic, 'aborted x3'));
        await good.send(record(topic, 'good 1', { key: Buffer.alloc(4) }));
        await long.abort();
        await good.send(record(topic, 'good 2'));
        await good.commit();
        const { records } = await readUntil(cluster.reader(topic, 0), 0, 9);
        expect(records.map(text)).toEqual(['good 1', 'good 2']);
      });

      it('says out-of-range before the start and beyond the end, and never moves by itself', async () => {
        const topic = await harness.createTopic(1);
        await sink.append(Array.from({ length: 10 }, (_, i) => record(topic, `v${i}`)));
        await harness.trim(topic, 0, 5);
        const reader = cluster.reader(topic, 0);
        expect(await reader.bounds()).toEqual({ startOffset: 5, endOffset: 10 });
        await expect(readTo(reader, 2, 10)).rejects.toMatchObject({ code: 'out-of-range' });
        await expect(readTo(reader, 2, 10)).rejects.toMatchObject({ code: 'out-of-range' });
        await expect(readTo(reader, 999, 1_000)).rejects.toMatchObject({ code: 'out-of-range' });
        expect((await readTo(reader, 5, 10)).map(text)).toEqual(['v5', 'v6', 'v7', 'v8', 'v9']);
      });

      it('says missing-topic of a topic that is not there', async () => {
        const reader = cluster.reader(`${await harness.createTopic(1)}-not`, 0);
        await expect(readTo(reader, 0, 1)).rejects.toMatchObject({ code: 'missing-topic' });
        expect(await cluster.partitions('not-there')).toBeNull();
        await expect(sink.append([record('not-there', 'x')])).rejects.toMatchObject({ code: 'missing-topic' });
      });
    });

    describe('appending', () => {
      it('tells the base offset of each partition, and puts keys where Java would', async () => {
        const topic = await harness.createTopic(5);
        expect(await cluster.partitions(topic)).toBe(5);
        const keys = Array.from({ length: 60 }, (_, i) => `entity-${i}`);
        const appended = await sink.append(keys.map((key) => record(topic, key, { key })));
        expect(appended.every(({ baseOffset }) => baseOffset === 0)).toBe(true);
        const again = await sink.append([record(topic, 'direct', { partition: 3 })]);
        const inThree = keys.filter((key) => partitionOfKey(key, 5) === 3);
        expect(again).toEqual([{ topic, partition: 3, baseOffset: inThree.length }]);
        expect((await readTo(cluster.reader(topic, 3), 0, inThree.length + 1)).map(text)).toEqual([...inThree, 'direct']);
      });

      it('refuses a record that is too large, and appends the next one', async () => {
        const topic = await harness.createTopic(1);
        const large = randomBytes(1_200_000);
        await expect(sink.append([record(topic, '', { value: large })])).rejects.toMatchObject({ code: 'too-large' });
        await sink.append([record(topic, 'small')]);
        expect((await readTo(cluster.reader(topic, 0), 0, 1)).map(text)).toEqual(['small']);
      });
    });

    owningContract(() => ({ harness, cluster }));
  });
}
