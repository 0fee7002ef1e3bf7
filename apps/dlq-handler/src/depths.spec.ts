import { describe, expect, it } from '@jest/globals';
import { systemClock } from '#libs/kafka/src/index.js';
import { boundedLabel, createMetrics } from '#libs/observability/src/index.js';
import { Depths } from './depths.js';
import type { Depth } from './dlq-handler.ports.js';

// Goal: the gauges say what the store says, with bounded labels, from the first count after a start on; what is gone reads 0.
const bounded = { destination: boundedLabel(['portal']), source: boundedLabel(['erp']), type: boundedLabel(['order.updated']) };
const dead = (place: string, type: string, count: number): Depth => ({ kind: 'dead-letter', place, type, count });

async function gauges(metrics: ReturnType<typeof createMetrics<'dlq-handler'>>) {
  const lines = (await metrics.registry.metrics()).split('\n');
  return lines.filter((line) => /^holdfast_(dlq|invalid)_depth\{/.test(line)).sort();
}

describe('depths', () => {
  it('are what the store counts, strangers as other, and 0 when they are gone', async () => {
    let depths: Depth[] = [
      dead('portal', 'order.updated', 3),
      dead('portal', 'x', 1),
      dead('portal', 'y', 2),
      dead('gone', 'x', 4),
      { kind: 'invalid', place: 'erp', type: '', count: 5 },
      { kind: 'unreadable', place: 'erp', type: '', count: 1 },
    ];
    const metrics = createMetrics('dlq-handler', { defaults: false });
    const kept = new Depths({ depths: async () => depths }, metrics, bounded, systemClock);
    await kept.count();
    expect(await gauges(metrics)).toEqual([
      'holdfast_dlq_depth{destination="other",type="other"} 4',
      'holdfast_dlq_depth{destination="portal",type="order.updated"} 3',
      'holdfast_dlq_depth{destination="portal",type="other"} 3',
      'holdfast_invalid_depth{source="erp",type="other"} 6',
    ]);
    depths = [dead('portal', 'order.updated', 1)];
    await kept.count();
    expect((await gauges(metrics)).map((line) => line.split(' ')[1])).toEqual(['0', '1', '0', '0']);
  });

  it('are counted soon after something was stored, and the last count stands while the store is away', async () => {
    let counts = 0;
    const errors: unknown[] = [];
    const store = {
      depths: async () => {
        if (++counts === 2) throw new Error('away');
        return [dead('portal', 'order.updated', counts)];
      },
    };
    const metrics = createMetrics('dlq-handler', { defaults: false });
    const clock = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms === 1_000 ? 1 : ms, signal) };
    const kept = new Depths(store, metrics, bounded, clock);
    const running = kept.run((error) => errors.push(error));
    await systemClock.sleep(20);
    expect(counts).toBe(1);
    kept.changed();
    await systemClock.sleep(20);
    expect([counts, errors.length]).toEqual([2, 1]);
    expect(await gauges(metrics)).toEqual(['holdfast_dlq_depth{destination="portal",type="order.updated"} 1']);
    kept.changed();
    await systemClock.sleep(20);
    expect(await gauges(metrics)).toEqual(['holdfast_dlq_depth{destination="portal",type="order.updated"} 3']);
    kept.stop();
    await running;
  });
});
