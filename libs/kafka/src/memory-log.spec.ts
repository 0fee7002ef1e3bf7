import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Lease, PartitionLog } from './log.port.js';
import { MemoryLog } from './memory-log.js';
import { logContract } from './testing/log.contract.js';
import { ManualClock } from './testing/manual-clock.js';

logContract('memory', async () => {
  const log = new MemoryLog();
  return {
    process: (name) => log.process(undefined, name),
    createTopic: async (partitions, topic = `t-${randomUUID()}`) => {
      log.createTopic(topic, partitions);
      return topic;
    },
    begin: async (transactionalId) => {
      const { broker } = log;
      const epoch = broker.fence(transactionalId);
      return {
        send: async (record) => void broker.write([record], broker.begin(transactionalId, epoch)),
        commit: async () => broker.end(transactionalId, epoch, 'committed'),
        abort: async () => broker.end(transactionalId, epoch, 'aborted'),
      };
    },
    trim: async (topic, partition, startOffset) => log.trim(topic, partition, startOffset),
    close: async () => {},
  };
});

/** Goal: what only the memory log can do, for the simulator: frozen owners, lost answers, crashes, a clock by hand. */
describe('memory log', () => {
  const held = (): { work: (log: PartitionLog, lease: Lease) => Promise<void>; given: { log: PartitionLog; lease: Lease }[] } => {
    const given: { log: PartitionLog; lease: Lease }[] = [];
    return {
      given,
      work: async (log, lease) =>
        void (given.push({ log, lease }), await new Promise((resolve) => lease.revoked.addEventListener('abort', resolve))),
    };
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('leaves an old owner untold, fences it when it wakes up, and tells it late', async () => {
    const log = new MemoryLog({ assignment: 'by-hand' }).createTopic('in');
    const [a, b] = [held(), held()];
    await log.process(undefined, 'A').source({ group: 'g', topic: 'in' }).start(a.work);
    await log.process(undefined, 'B').source({ group: 'g', topic: 'in' }).start(b.work);
    const group = log.group('g', 'in');
    group.moveTo(0, 'A');
    await turn();
    await a.given[0]!.log.fence();
    group.moveTo(0, 'B', { told: false });
    await turn();
    expect(a.given[0]!.lease.revoked.aborted).toBe(false);
    await b.given[0]!.log.fence();
    await expect(a.given[0]!.log.commit({ records: [], offset: 1, metadata: '' })).rejects.toMatchObject({ code: 'fenced' });
    group.tell('A');
    expect(a.given[0]!.lease.revoked.aborted).toBe(true);
    group.standing('B', false);
    expect(b.given[0]!.lease.mayStart()).toBe(false);
  });

  it('keeps what was committed when the answer is lost, and an open transaction when the process dies inside', async () => {
    const log = new MemoryLog({ assignment: 'by-hand' }).createTopic('in').createTopic('out');
    const calls: string[] = [];
    const plans: Record<string, () => Promise<void>> = {};
    const interleave = {
      before: async (call: string) => void calls.push(call),
      after: (call: string) => plans[call]?.() ?? Promise.resolve(),
    };
    const process = log.process(interleave, 'A');
    const a = held();
    await process.source({ group: 'g', topic: 'in' }).start(a.work);
    log.group('g', 'in').moveTo(0, 'A');
    await turn();
    const mine = a.given[0]!.log;
    await mine.fence();
    plans['log.commit.end in/0'] = () => Promise.reject(new Error('answer lost'));
    const record = { topic: 'out', key: null, value: Buffer.from('x'), headers: {} };
    await expect(mine.commit({ records: [record], offset: 1, metadata: 'm' })).rejects.toThrow('answer lost');
    expect(log.broker.committed('g', 'in', 0)).toEqual({ offset: 1, metadata: 'm' });
    delete plans['log.commit.end in/0'];
    await mine.fence();
    plans['log.commit.write in/0'] = () => Promise.resolve(process.crash());
    void mine.commit({ records: [record], offset: 2, metadata: 'n' });
    await turn();
    expect(log.broker.committed('g', 'in', 0)).toEqual({ offset: 1, metadata: 'm' });
    expect(log.broker.partition('out', 0).bounds()).toEqual({ startOffset: 0, endOffset: 2 }); // Held back by the open transaction.
    log.broker.fence('g-in-0');
    expect(log.broker.partition('out', 0).bounds()).toEqual({ startOffset: 0, endOffset: 4 });
    expect(log.records('out')).toHaveLength(1);
    expect(calls).toContain('log.fence in/0');
  });

  it('aborts a transaction that is open for too long, and fences its producer', async () => {
    const clock = new ManualClock();
    const log = new MemoryLog({ clock, assignment: 'by-hand' }).createTopic('out');
    const epoch = log.broker.fence('slow');
    log.broker.write([{ topic: 'out', key: null, value: null, headers: {} }], log.broker.begin('slow', epoch));
    await clock.advance(9_999);
    expect(log.broker.partition('out', 0).bounds().endOffset).toBe(0);
    await clock.advance(1);
    expect(log.broker.partition('out', 0).bounds().endOffset).toBe(2);
    expect(() => log.broker.end('slow', epoch, 'committed')).toThrow('epoch 0 is over');
  });

  it('waits by the clock alone', async () => {
    const clock = new ManualClock();
    const log = new MemoryLog({ clock }).createTopic('in');
    let chunk: unknown = null;
    void log.process().reader('in', 0).read(0, { records: 1, waitMs: 1_000 }).then((read) => (chunk = read)); // prettier-ignore
    await clock.advance(999);
    expect(chunk).toBeNull();
    await clock.advance(1);
    expect(chunk).toEqual({ records: [], nextOffset: 0 });
  });
});
