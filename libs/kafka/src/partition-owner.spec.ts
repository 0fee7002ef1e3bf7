import { describe, expect, it } from '@jest/globals';
import { LogError, type PartitionLog } from './log.port.js';
import { MemoryLog } from './memory-log.js';
import { PartitionOwner, type OwnerOptions } from './partition-owner.js';

// Goal: rules 2 to 5, 12 and 13, one by one, over the log in memory.
const record = { topic: 'out', key: 'k', value: Buffer.from('v'), headers: {} };

async function world(options: Partial<OwnerOptions> = {}) {
  const calls: string[] = [];
  const fail = new Map<string, LogError>();
  const interleave = {
    before: async (call: string) => void calls.push(call.split(' ')[0]!.slice(4)),
    after: async (call: string) => {
      const error = fail.get(call.split(' ')[0]!.slice(4));
      if (error) throw error;
    },
  };
  const log = new MemoryLog({
    assignment: 'by-hand',
    limits: { recordMaxBytes: 1_000, batchMaxBytes: 20_000, transactionTimeoutMs: 10_000 },
  })
    .createTopic('in')
    .createTopic('out');
  const made: PartitionLog[] = [];
  let words = 0;
  const newOwner = async (process: string, more: Partial<OwnerOptions> = {}): Promise<PartitionOwner> => {
    const source = log.process(interleave, process).source({ group: 'g', topic: 'in' });
    await source.start(
      async (one, lease) => void (made.push(one), await new Promise((resolve) => lease.revoked.addEventListener('abort', resolve))),
    );
    log.group('g', 'in').moveTo(0, process, { told: false });
    await new Promise((resolve) => setImmediate(resolve));
    calls.length = 0;
    return new PartitionOwner(made[made.length - 1]!, {
      begin: 'own-topic',
      newIncarnation: () => `word-${(words += 1)}`,
      ...options,
      ...more,
    });
  };
  const append = (count: number) => log.broker.write(Array.from({ length: count }, () => ({ ...record, topic: 'in' })), null); // prettier-ignore
  return { log, calls, fail, newOwner, append, committed: () => log.broker.committed('g', 'in', 0) };
}

describe('the partition owner', () => {
  it('fences, then reads, then commits its number; the first one makes the incarnation', async () => {
    const { newOwner, calls } = await world();
    const owner = await newOwner('A');
    expect(() => owner.current()).toThrow('acquire before');
    expect(await owner.acquire()).toEqual({ incarnation: 'word-1', number: 1, offset: 0, settled: [], redisIdentity: null, beside: null });
    expect(calls).toEqual(['fence', 'committed', 'bounds', 'commit.write', 'commit.end']);
  });

  it('hands offset, settled set, incarnation and Redis identity to the next owner, whose number is one more', async () => {
    const { newOwner, append, log } = await world();
    append(10);
    log.broker.setCommitted({ group: 'g', topic: 'in', partition: 0, offset: 0, metadata: '' });
    const first = await newOwner('A');
    await first.acquire();
    await first.settle({ records: [record], offset: 3, settled: [5, 6, 9], redisIdentity: 'redis-1' });
    await first.settle({ records: [], offset: 4, settled: [5, 9] });
    const next = await newOwner('B');
    const mine = { incarnation: 'word-1', number: 2, offset: 4, settled: [5, 9], redisIdentity: 'redis-1', beside: null };
    expect(await next.acquire()).toEqual(mine);
    expect(next.current()).toEqual(mine);
    await expect(first.settle({ records: [record], offset: 5, settled: [9] })).rejects.toMatchObject({ code: 'fenced' });
    await expect(first.prove()).rejects.toMatchObject({ code: 'fenced' });
    await next.prove();
    expect(log.records('out')).toHaveLength(1);
  });

  it('holds a partition whose offset is missing, and begins an empty one at 0', async () => {
    const { newOwner, append, committed } = await world();
    append(1);
    await expect((await newOwner('A')).acquire()).rejects.toMatchObject({ code: 'offset-missing' });
    expect(committed()).toBeNull();
  });

  it("begins a producer's topic at what retention has left", async () => {
    const { newOwner, append, log } = await world({ begin: 'earliest' });
    append(10);
    log.trim('in', 0, 4);
    expect(await (await newOwner('A')).acquire()).toMatchObject({ offset: 4, number: 1 });
  });

  it('holds a partition whose offset retention has passed, or that lies beyond the end', async () => {
    const { newOwner, append, log, committed } = await world();
    append(10);
    log.broker.setCommitted({ group: 'g', topic: 'in', partition: 0, offset: 2, metadata: '1;i;1;;' });
    log.trim('in', 0, 3);
    const owner = await newOwner('A');
    await expect(owner.acquire()).rejects.toMatchObject({
      code: 'offset-out-of-range',
      message: expect.stringContaining('2 is not within 3 to 10'),
    });
    log.broker.setCommitted({ group: 'g', topic: 'in', partition: 0, offset: 11, metadata: '1;i;1;;' });
    await expect(owner.acquire()).rejects.toMatchObject({ code: 'offset-out-of-range' });
    expect(committed()!.metadata).toBe('1;i;1;;');
  });

  it('holds metadata that is not its own, and takes a plain commit as the beginning of another incarnation', async () => {
    const { newOwner, append, log } = await world();
    append(10);
    log.broker.setCommitted({ group: 'g', topic: 'in', partition: 0, offset: 2, metadata: 'somebody else' });
    const owner = await newOwner('A');
    await expect(owner.acquire()).rejects.toMatchObject({ code: 'metadata-unreadable' });
    log.broker.setCommitted({ group: 'g', topic: 'in', partition: 0, offset: 2, metadata: '' });
    expect(await owner.acquire()).toEqual({ incarnation: 'word-1', number: 1, offset: 2, settled: [], redisIdentity: null, beside: null });
  });

  it('settles nothing after an unknown end before it has acquired again, and then goes on from what stands', async () => {
    const { newOwner, append, fail, log } = await world();
    log.broker.setCommitted({ group: 'g', topic: 'in', partition: 0, offset: 0, metadata: '' });
    append(5);
    const owner = await newOwner('A');
    await owner.acquire();
    fail.set('commit.end', new LogError('unknown-end', 'planted'));
    const both = [owner.settle({ records: [record], offset: 1, settled: [] }), owner.settle({ records: [record], offset: 2, settled: [] })];
    await expect(both[0]).rejects.toMatchObject({ code: 'unknown-end' });
    await expect(both[1]).rejects.toMatchObject({ code: 'unavailable' });
    fail.clear();
    expect(await owner.acquire()).toMatchObject({ offset: 1, number: 2 });
    expect(log.records('out')).toHaveLength(1);
  });

  it('stays the owner after too-large, and refuses metadata that would not fit before any commit', async () => {
    const { newOwner, append, calls, log } = await world({ metadataMaxBytes: 300 });
    log.broker.setCommitted({ group: 'g', topic: 'in', partition: 0, offset: 0, metadata: '' });
    append(3_000);
    const owner = await newOwner('A');
    await owner.acquire();
    await expect(
      owner.settle({ records: [record, { ...record, value: Buffer.alloc(1_001) }], offset: 2, settled: [] }),
    ).rejects.toMatchObject({ code: 'too-large' });
    await owner.settle({ records: [record], offset: 1, settled: [] });
    calls.length = 0;
    const scattered = Array.from({ length: 1_400 }, (_, i) => 3 + i * 2);
    await expect(owner.settle({ records: [], offset: 1, settled: scattered })).rejects.toMatchObject({ code: 'metadata-too-large' });
    expect(calls).toEqual([]);
    await owner.settle({ records: [], offset: 1, settled: scattered.slice(0, 100) });
    expect(owner.current().settled).toHaveLength(100);
  });

  it('carries how far another log is settled in the same transactions, and hands it on', async () => {
    const { newOwner, append, log } = await world();
    log.createTopic('parked');
    log.broker.setCommitted({ group: 'g', topic: 'in', partition: 0, offset: 0, metadata: '' });
    append(5);
    const parked = { beside: log.process().reader('parked', 0) };
    const first = await newOwner('A', parked);
    expect(await first.acquire()).toMatchObject({ offset: 0, beside: { offset: 0, settled: [] } });
    log.broker.write(
      [1, 2, 3, 4].map(() => ({ ...record, topic: 'parked' })),
      null,
    );
    await first.settle({ records: [], offset: 1, settled: [], beside: { offset: 1, settled: [3] } });
    await first.settle({ records: [], offset: 2, settled: [] });
    await expect(first.settle({ records: [], offset: 2, settled: [], beside: { offset: 0, settled: [] } })).rejects.toThrow(RangeError);
    const next = await newOwner('B', parked);
    expect(await next.acquire()).toMatchObject({ number: 2, offset: 2, beside: { offset: 1, settled: [3] } });
    await expect(first.settle({ records: [], offset: 2, settled: [], beside: { offset: 2, settled: [] } })).rejects.toMatchObject({
      code: 'fenced',
    });
    log.broker.forgetCommitted('g', 'parked', 0);
    await expect(next.acquire()).rejects.toMatchObject({ code: 'offset-missing', message: expect.stringContaining('parked/0') });
  });

  it('never lets the offset go back', async () => {
    const { newOwner, append, log } = await world();
    log.broker.setCommitted({ group: 'g', topic: 'in', partition: 0, offset: 5, metadata: '' });
    append(10);
    const owner = await newOwner('A');
    await owner.acquire();
    await expect(owner.settle({ records: [], offset: 4, settled: [] })).rejects.toThrow(RangeError);
    await expect(owner.settle({ records: [], offset: 6, settled: [6] })).rejects.toThrow(RangeError);
    await owner.prove();
  });
});
