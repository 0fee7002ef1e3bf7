import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startOwnStack, type OwnStack } from '#libs/testkit/src/stack.js';
import { createKafkajsCluster } from './kafkajs-log.js';
import { LogError, type Lease, type LogCluster, type PartitionLog } from './log.port.js';
import { silentLogger } from './logger.port.js';
import { PartitionOwner } from './partition-owner.js';
import { TopicsAdmin } from './topics-admin.js';

/*
 * Goal: a broker that is killed, restarted and frozen under load costs time and nothing else: no record of the input is copied twice or
 * left out, no acknowledged append is lost, nobody starts anything without an answered heartbeat, no promise is left to reject unheard.
 * Method: a writer appends numbered records, two members copy them partition by partition in transactions, the broker is hurt meanwhile.
 */
describe('a broker that dies', () => {
  let stack: OwnStack;
  let cluster: LogCluster;
  let other: LogCluster;
  const unheard: unknown[] = [];
  const hear = (reason: unknown): void => void unheard.push(reason);
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  beforeAll(async () => {
    process.on('unhandledRejection', hear);
    stack = await startOwnStack();
    const settings = { brokers: [stack.kafka.address] };
    const tuning = { sessionTimeoutMs: 6_000, heartbeatMs: 500, askMaxMs: 5_000 };
    cluster = createKafkajsCluster(settings, { tuning });
    other = createKafkajsCluster(settings, { tuning });
    const admin = new TopicsAdmin(settings, { logger: silentLogger });
    const config = { 'message.timestamp.type': 'LogAppendTime' };
    await admin.applyTopics([
      { name: 'in', partitions: 2, replication: 1, config, groups: ['copy'] },
      { name: 'out', partitions: 2, replication: 1, config, groups: [] },
    ]);
    admin.close();
  });

  afterAll(async () => {
    await Promise.all([cluster?.close(), other?.close()]);
    await stack?.stop();
    process.off('unhandledRejection', hear);
  });

  it('is ridden out by writers, readers, owners and members', async () => {
    const writing = new AbortController();
    const acknowledged: string[] = [];
    const startedWithoutLease: string[] = [];
    const leases = new Set<Lease>();
    const copy = async (log: PartitionLog, lease: Lease): Promise<void> => {
      leases.add(lease);
      const owner = new PartitionOwner(log, { begin: 'own-topic' });
      for (let owned = false; !lease.revoked.aborted;) {
        try {
          if (!owned) await owner.acquire();
          owned = true;
          const { offset } = owner.current();
          const { records, nextOffset } = await log.read(offset, { records: 50, waitMs: 200 }, lease.revoked);
          if (nextOffset === offset) continue;
          await owner.settle({
            records: records.map((one) => ({
              topic: 'out',
              key: null,
              partition: one.partition,
              value: Buffer.from(`${one.partition}/${one.offset} ${String(one.value)}`),
              headers: {},
            })),
            offset: nextOffset,
            settled: [],
          });
        } catch (error) {
          if (!(error instanceof LogError)) throw error;
          owned = false;
          await pause(100);
        }
      }
      if (lease.mayStart()) startedWithoutLease.push(`${log.partition}`);
    };
    const sink = await cluster.sink();
    const writer = (async () => {
      for (let n = 0; !writing.signal.aborted; n += 1) {
        const records = Array.from({ length: 5 }, (_, i) => ({
          topic: 'in',
          key: null,
          partition: i % 2,
          value: Buffer.from(`${n}.${i}`),
          headers: {},
        }));
        try {
          await sink.append(records);
          acknowledged.push(...records.map(({ value }) => String(value)));
        } catch (error) {
          if (!(error instanceof LogError)) throw error;
        }
        await pause(10);
      }
    })();
    const sources = [cluster, other].map((one) => one.source({ group: 'copy', topic: 'in' }));
    await Promise.all(sources.map((source) => source.start(copy)));
    await pause(3_000);

    await stack.kafka.kill();
    await pause(1_000);
    await stack.kafka.start();
    await pause(5_000);

    await stack.kafka.kill();
    await pause(8_000); // Longer than a session: nobody may start anything now.
    expect([...leases].filter((lease) => lease.mayStart())).toEqual([]);
    await stack.kafka.start();
    await pause(5_000);

    await stack.kafka.kill('SIGSTOP');
    await pause(4_000); // Nothing has timed out yet, and readiness has to know.
    expect(sources.map((source) => source.status().joined)).not.toContain(true);
    await pause(5_000); // Longer than a request: connections hang instead of breaking.
    expect([...leases].filter((lease) => lease.mayStart())).toEqual([]);
    await stack.kafka.kill('SIGCONT');
    await pause(5_000);

    writing.abort();
    await writer;
    const input = await readAll('in');
    const output = await eventually(async () => ((await readAll('out')).length >= input.length ? readAll('out') : null));
    await eventually(async () => [...leases].some((lease) => lease.mayStart()) || null);
    await Promise.all(sources.map((source) => source.stop()));

    expect(input.length).toBeGreaterThan(500);
    expect(new Set(input.map(({ value }) => value)).size).toBeGreaterThan(0);
    const lost = acknowledged.filter((value) => !input.some((one) => one.value === value));
    expect(lost).toEqual([]);
    expect(output.map(({ value }) => value)).toEqual(input.map(({ partition, offset, value }) => `${partition}/${offset} ${value}`));
    expect(startedWithoutLease).toEqual([]);
    expect(unheard).toEqual([]);
  }, 180_000);

  async function readAll(topic: string): Promise<{ partition: number; offset: number; value: string }[]> {
    const all: { partition: number; offset: number; value: string }[] = [];
    for (const partition of [0, 1]) {
      const reader = cluster.reader(topic, partition);
      const { endOffset } = await reader.bounds();
      for (let at = 0; at < endOffset;) {
        const { records, nextOffset } = await reader.read(at, { records: 1_000, waitMs: 1_000 });
        all.push(...records.map(({ offset, value }) => ({ partition, offset, value: String(value) })));
        at = nextOffset;
      }
    }
    return all;
  }

  async function eventually<T>(attempt: () => Promise<T | null>): Promise<T> {
    for (const endMs = Date.now() + 60_000; ; await pause(250)) {
      const found = await attempt();
      if (found !== null) return found;
      if (Date.now() > endMs) throw new Error('did not come to hold within 60 s');
    }
  }
});
