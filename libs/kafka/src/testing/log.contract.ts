import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Lease, LogCluster, LogRecord, OutRecord, PartitionLog, PartitionReader, RecordSink, RecordSource } from '../log.port.js';
import { partitionOfKey } from '../partition-of-key.js';

/** A transaction of somebody else's, held open for as long as a test likes. */
export type ForeignTransaction = { send(record: OutRecord): Promise<void>; commit(): Promise<void>; abort(): Promise<void> };

/** What a test may do to the world behind the log. */
export type LogHarness = Readonly<{
  /** One process's view; the harness closes it. */
  process(name: string): LogCluster;
  createTopic(partitions: number): Promise<string>;
  begin(transactionalId: string): Promise<ForeignTransaction>;
  trim(topic: string, partition: number, startOffset: number): Promise<void>;
  close(): Promise<void>;
}>;

const wait = { records: 1_000, waitMs: 500 };
const boundMs = 20_000;

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

    const record = (topic: string, value: string, more: Partial<OutRecord> = {}): OutRecord => ({
      topic,
      key: 'k',
      value: Buffer.from(value),
      headers: {},
      ...more,
    });

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

    describe('owning', () => {
      it('commits records, offset and metadata as one, and an empty commit moves the metadata', async () => {
        const [input, output] = [await harness.createTopic(1), await harness.createTopic(2)];
        await withLog(cluster, input, async (log) => {
          await log.fence();
          expect(await log.committed()).toBeNull();
          await log.commit({
            records: [record(output, 'one', { partition: 0 }), record(output, 'two', { partition: 1 })],
            offset: 7,
            metadata: 'm1',
          });
          await log.fence(); // What is committed is read behind a fence: before, the markers may still be on their way.
          expect(await log.committed()).toEqual({ offset: 7, metadata: 'm1' });
          expect(await cluster.committed(log.group, input, 0)).toEqual({ offset: 7, metadata: 'm1' });
          expect(await cluster.committed(`${log.group}-unheard-of`, input, 0)).toBeNull();
          await log.commit({ records: [], offset: 7, metadata: 'm'.repeat(4_000) });
          await log.fence();
          expect(await log.committed()).toEqual({ offset: 7, metadata: 'm'.repeat(4_000) });
          for (let i = 0; i < 5; i += 1)
            await log.commit({ records: [record(output, `r${i}`, { partition: 0 })], offset: 8 + i, metadata: '' });
        });
        const { records, nextOffset } = await readUntil(cluster.reader(output, 0), 0, 12);
        expect(records.map(text)).toEqual(['one', 'r0', 'r1', 'r2', 'r3', 'r4']);
        expect(records.map(({ offset }) => offset)).toEqual([0, 2, 4, 6, 8, 10]); // Each commit's marker takes an offset.
        expect(nextOffset).toBe(12);
      });

      it('ends the owner before with a fence, and sees what it had committed', async () => {
        const [input, output] = [await harness.createTopic(1), await harness.createTopic(1)];
        const group = `g-${randomUUID()}`;
        const { log: old, source: first } = await borrowLog(cluster, input, group);
        await old.fence();
        await old.commit({ records: [record(output, 'old')], offset: 1, metadata: 'old' });
        await first.stop();
        const { log: next, source: second } = await borrowLog(harness.process('second'), input, group);
        await next.fence();
        expect(await next.committed()).toEqual({ offset: 1, metadata: 'old' });
        await expect(old.commit({ records: [record(output, 'late')], offset: 2, metadata: 'late' })).rejects.toMatchObject({
          code: 'fenced',
        });
        await expect(old.commit({ records: [], offset: 2, metadata: 'late' })).rejects.toThrow('fence before');
        expect(await next.committed()).toEqual({ offset: 1, metadata: 'old' });
        await next.commit({ records: [record(output, 'next')], offset: 2, metadata: 'next' });
        await second.stop();
        expect((await readUntilValues(cluster.reader(output, 0), 2)).map(text)).toEqual(['old', 'next']);
      });

      it('says too-large, leaves nothing behind, and commits a smaller batch under the same fence', async () => {
        const [input, output] = [await harness.createTopic(1), await harness.createTopic(2)];
        await withLog(cluster, input, async (log) => {
          await log.fence();
          const large = randomBytes(1_200_000);
          const batch = [record(output, 'a', { partition: 0 }), record(output, '', { value: large, partition: 1 })];
          await expect(log.commit({ records: batch, offset: 2, metadata: 'too large' })).rejects.toMatchObject({ code: 'too-large' });
          expect(await log.committed()).toBeNull();
          await log.commit({
            records: [record(output, 'b', { partition: 0 }), record(output, 'c', { partition: 1 })],
            offset: 1,
            metadata: 'fits',
          });
          await log.fence();
          expect(await log.committed()).toEqual({ offset: 1, metadata: 'fits' });
        });
        expect((await readUntilValues(cluster.reader(output, 0), 1)).map(text)).toEqual(['b']);
        expect((await readUntilValues(cluster.reader(output, 1), 1)).map(text)).toEqual(['c']);
      });

      it('commits several megabytes at once, in order', async () => {
        const [input, output] = [await harness.createTopic(1), await harness.createTopic(1)];
        const values = Array.from({ length: 30 }, (_, i) => `${i} ${'x'.repeat(100_000)}`);
        await withLog(cluster, input, async (log) => {
          await log.fence();
          await log.commit({ records: values.map((value) => record(output, value)), offset: 1, metadata: '' });
        });
        expect((await readUntilValues(cluster.reader(output, 0), 30)).map(text)).toEqual(values);
      });
    });

    describe('belonging to a group', () => {
      it('has one member on every partition, shares with a second, and gets all back when it leaves', async () => {
        const topic = await harness.createTopic(4);
        const group = `g-${randomUUID()}`;
        const leases = new Map<string, Lease>();
        const starts: string[] = [];
        const work = (who: string) => async (log: PartitionLog, lease: Lease) => {
          leases.set(`${who} ${log.partition}`, lease);
          starts.push(`${who} ${log.partition}`);
          await aborted(lease.revoked);
        };
        const one = cluster.source({ group, topic });
        const two = harness.process('sharing').source({ group, topic });
        await one.start(work('one'));
        await until(() => one.status().partitions.length === 4 && starts.length === 4);
        expect(one.status()).toMatchObject({ group, topic, joined: true, missingTopic: false, partitions: [0, 1, 2, 3] });
        await until(() => [...leases.values()].every((lease) => lease.mayStart()));

        await two.start(work('two'));
        await until(() => one.status().partitions.length === 2 && two.status().partitions.length === 2);
        expect([...one.status().partitions, ...two.status().partitions].sort()).toEqual([0, 1, 2, 3]);
        const moved = two.status().partitions;
        await until(() => starts.length === 6);
        for (const partition of moved) expect(leases.get(`one ${partition}`)!.revoked.aborted).toBe(true);
        for (const partition of moved) expect(leases.get(`one ${partition}`)!.mayStart()).toBe(false);
        for (const partition of one.status().partitions) expect(leases.get(`one ${partition}`)!.revoked.aborted).toBe(false);

        await two.stop();
        for (const partition of moved) expect(leases.get(`two ${partition}`)!.revoked.aborted).toBe(true);
        await until(() => one.status().partitions.length === 4 && starts.length === 8);
        expect(starts.filter((start) => start === `one ${one.status().partitions.find((p) => !moved.includes(p))}`)).toHaveLength(1); // What stayed was not begun again (rule 10).
        await one.stop();
        for (const lease of leases.values()) expect(lease.revoked.aborted).toBe(true);
      });

      it('begins a work again that failed, and one whose partition is still here when it returned', async () => {
        const topic = await harness.createTopic(1);
        const source = cluster.source({ group: `g-${randomUUID()}`, topic });
        let starts = 0;
        await source.start(async (_log, lease) => {
          starts += 1;
          if (starts === 1) throw new Error('planted');
          if (starts > 2) await aborted(lease.revoked);
        });
        await until(() => starts === 3);
        await source.stop();
        expect(starts).toBe(3);
      });
    });
  });
}

const text = ({ value }: LogRecord): string => String(value);

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));

async function until(holds: () => boolean): Promise<void> {
  const endMs = Date.now() + boundMs;
  while (!holds()) {
    if (Date.now() > endMs) throw new Error(`did not come to hold within ${boundMs} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Everything from one offset up to another, however it is cut. */
async function readUntil(
  reader: PartitionReader,
  fromOffset: number,
  toOffset: number,
): Promise<{ records: LogRecord[]; nextOffset: number }> {
  const records: LogRecord[] = [];
  let nextOffset = fromOffset;
  const endMs = Date.now() + boundMs;
  while (nextOffset < toOffset && Date.now() < endMs) {
    const chunk = await reader.read(nextOffset, wait);
    records.push(...chunk.records);
    nextOffset = chunk.nextOffset;
  }
  return { records, nextOffset };
}

const readTo = async (reader: PartitionReader, fromOffset: number, toOffset: number): Promise<LogRecord[]> =>
  (await readUntil(reader, fromOffset, toOffset)).records;

async function readUntilEmpty(reader: PartitionReader, fromOffset: number): Promise<{ records: LogRecord[]; nextOffset: number }> {
  const records: LogRecord[] = [];
  for (let nextOffset = fromOffset; ;) {
    const chunk = await reader.read(nextOffset, wait);
    records.push(...chunk.records);
    if (chunk.nextOffset === nextOffset) return { records, nextOffset };
    nextOffset = chunk.nextOffset;
  }
}

/** From the start until so many records came, and then nothing more. */
async function readUntilValues(reader: PartitionReader, count: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const endMs = Date.now() + boundMs;
  for (let nextOffset = 0; Date.now() < endMs;) {
    const chunk = await reader.read(nextOffset, wait);
    records.push(...chunk.records);
    if (records.length >= count && chunk.nextOffset === nextOffset) return records;
    nextOffset = chunk.nextOffset;
  }
  return records;
}

/** A partition's log as a work gets it. It outlives its assignment, as that of an owner who does not hear of its end. */
async function borrowLog(
  cluster: LogCluster,
  topic: string,
  group = `g-${randomUUID()}`,
): Promise<{ log: PartitionLog; source: RecordSource }> {
  const source = cluster.source({ group, topic });
  const log = await new Promise<PartitionLog>((resolve, reject) => {
    const work = async (given: PartitionLog, lease: Lease): Promise<void> => {
      resolve(given);
      await aborted(lease.revoked);
    };
    source.start(work).catch(reject);
  });
  return { log, source };
}

async function withLog(cluster: LogCluster, topic: string, use: (log: PartitionLog) => Promise<void>): Promise<void> {
  const { log, source } = await borrowLog(cluster, topic);
  try {
    await use(log);
  } finally {
    await source.stop();
  }
}
