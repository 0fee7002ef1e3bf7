import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Lease, LogCluster, PartitionLog } from '../log.port.js';
import { aborted, borrowLog, type LogHarness, readUntil, readUntilValues, recordOf as record, text, until, withLog } from './log-steps.js';

/** The second half of the log's contract: transactions, fencing and membership. */
export function owningContract(world: () => { harness: LogHarness; cluster: LogCluster }): void {
  describe('owning', () => {
    it('commits records, offset and metadata as one, and an empty commit moves the metadata', async () => {
      const { harness, cluster } = world();
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

    it("commits another topic's offset of the same partition with its own, and neither without the other", async () => {
      const { harness, cluster } = world();
      const [input, beside, output] = [await harness.createTopic(1), await harness.createTopic(1), await harness.createTopic(1)];
      await withLog(cluster, input, async (log) => {
        await log.fence();
        expect(await log.committed(beside)).toBeNull();
        await log.commit({ records: [], offset: 3, metadata: 'mine', beside: { topic: beside, offset: 9, metadata: 'beside' } });
        await log.fence();
        expect(await log.committed()).toEqual({ offset: 3, metadata: 'mine' });
        expect(await log.committed(beside)).toEqual({ offset: 9, metadata: 'beside' });
        expect(await cluster.committed(log.group, beside, 0)).toEqual({ offset: 9, metadata: 'beside' });
        const large = record(output, '', { value: randomBytes(1_200_000) });
        const refused = log.commit({ records: [large], offset: 4, metadata: '', beside: { topic: beside, offset: 10, metadata: '' } });
        await expect(refused).rejects.toMatchObject({ code: 'too-large' });
        await log.commit({ records: [], offset: 4, metadata: 'alone' });
        await log.fence();
        expect(await log.committed()).toEqual({ offset: 4, metadata: 'alone' });
        expect(await log.committed(beside)).toEqual({ offset: 9, metadata: 'beside' });
      });
    });

    it('ends the owner before with a fence, and sees what it had committed', async () => {
      const { harness, cluster } = world();
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
      const { harness, cluster } = world();
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
      const { harness, cluster } = world();
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
      const { harness, cluster } = world();
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

    it('waits for a topic that is missing, says so, and begins when it is there', async () => {
      const { harness, cluster } = world();
      const topic = `late-${randomUUID()}`;
      const source = cluster.source({ group: `g-${randomUUID()}`, topic });
      let starts = 0;
      await source.start(async (_log, lease) => {
        starts += 1;
        await aborted(lease.revoked);
      });
      await until(() => source.status().missingTopic);
      expect(source.status()).toMatchObject({ joined: false, partitions: [] });
      await harness.createTopic(2, topic);
      await until(() => starts === 2);
      expect(source.status()).toMatchObject({ joined: true, missingTopic: false, partitions: [0, 1] });
      await source.stop();
      expect(source.status()).toMatchObject({ joined: false, partitions: [] });
    });

    it('begins a work again that failed, and one whose partition is still here when it returned', async () => {
      const { harness, cluster } = world();
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
}
