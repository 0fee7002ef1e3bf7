import { describe, expect, it } from '@jest/globals';
import { encodeCommitMetadata, MemoryLog, systemClock } from '#libs/kafka/src/index.js';
import { measureLag } from './lag.js';
import { createMetrics } from './metrics.js';

// Goal: lag is what is not settled, markers aside; time to loss is the oldest such record's distance to retention.
const TOPIC = 'hf.dlq';
const sets = { incarnation: 'i', number: 1, redisIdentity: null };

function world() {
  let nowMs = 1_000;
  const log = new MemoryLog({ clock: { ...systemClock, nowMs: () => nowMs } }).createTopic(TOPIC, 2);
  const metrics = createMetrics('dlq-handler', { defaults: false });
  return {
    log,
    pass: (ms: number) => void (nowMs += ms),
    write: (partition: number, count: number) => {
      for (let each = 0; each < count; each++) log.broker.write([{ topic: TOPIC, partition, key: null, value: null, headers: {} }], null);
    },
    commit: (partition: number, offset: number, settled: readonly number[] = []) =>
      log.broker.setCommitted({
        group: 'g',
        topic: TOPIC,
        partition,
        offset,
        metadata: encodeCommitMetadata(offset, { ...sets, settled }),
      }),
    async measure() {
      const sources = () => [{ group: 'g', topic: TOPIC, partitions: [0, 1] }];
      await measureLag({ cluster: log.process(), sources, metrics, clock: log.clock, retentionMsOf: () => 60_000 });
      const text = await metrics.registry.metrics();
      const value = (name: string) => Number(new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'm').exec(text)?.[1]);
      return [value('holdfast_lag_records'), value('holdfast_time_to_loss_seconds')];
    },
  };
}

describe('lag', () => {
  it('is none on an empty topic, with all of its retention left', async () => {
    expect(await world().measure()).toEqual([0, 60]);
  });

  it('sums over partitions, without what is settled beyond the offset', async () => {
    const w = world();
    w.write(0, 10);
    w.pass(5_000);
    w.write(1, 4);
    w.commit(0, 3, [5, 6]);
    w.pass(5_000);
    expect(await w.measure()).toEqual([5 + 4, 50]);
  });

  it('does not count a tail of markers', async () => {
    const w = world();
    const epoch = w.log.broker.fence('id');
    w.log.broker.write([{ topic: TOPIC, partition: 0, key: null, value: null, headers: {} }], w.log.broker.begin('id', epoch));
    w.log.broker.end('id', epoch, 'committed');
    expect((await w.measure())[0]).toBeGreaterThan(0);
    w.commit(0, 1);
    expect(await w.measure()).toEqual([0, 60]);
  });
});
