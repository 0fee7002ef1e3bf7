import { describe, expect, it } from '@jest/globals';
import { topicNames } from '#libs/domain/src/index.js';
import { encodeCommitMetadata, MemoryLog, systemClock } from '#libs/kafka/src/index.js';
import { boundedType, createLogger, createMetrics } from '#libs/observability/src/index.js';
import { measureDepths, measureHolds, type GaugeParts } from './deliver.gauges.js';
import { deliverTelling } from './deliver.telling.js';
import { testDelivery } from './testing/deliver.world.js';

// Goal: the metrics of INTERFACES count what was settled, once, under bounded labels; the gauges say what stands.
function world() {
  const metrics = createMetrics('deliver', { defaults: false });
  const logger = createLogger({ app: 'deliver', level: 'silent' });
  const telling = deliverTelling({
    logger,
    metrics,
    boundedType: boundedType(['order.updated']),
    clock: { nowMs: () => 1_700_000_010_000 },
  });
  const line = async (start: string) => (await metrics.registry.metrics()).split('\n').filter((one) => one.startsWith(start));
  return { metrics, telling, line };
}
const end = { destination: 'portal', position: 't/0/1', last: null, atMs: 0, tier: null, reason: null };

describe('what deliver tells', () => {
  it('counts a delivery when it is settled for good, with its times', async () => {
    const { telling, line } = world();
    telling.settled({ ...end, kind: 'delayed', delivery: testDelivery(1), tier: '30s' });
    telling.settled({ ...end, kind: 'delivered-once', delivery: testDelivery(1, { event: { time: 1_700_000_005_000 } }) });
    telling.settled({ ...end, kind: 'dead-lettered', delivery: testDelivery(2, { event: { type: 'strange' } }), reason: 'rejected' });
    expect(await line('holdfast_deliveries_total')).toEqual([
      'holdfast_deliveries_total{destination="portal",type="order.updated",verdict="delivered-once"} 1',
      'holdfast_deliveries_total{destination="portal",type="other",verdict="dead-lettered"} 1',
    ]);
    expect(await line('holdfast_processing_seconds_sum')).toEqual([
      'holdfast_processing_seconds_sum{type="order.updated",destination="portal"} 10',
    ]);
    expect(await line('holdfast_end_to_end_seconds_sum')).toEqual([
      'holdfast_end_to_end_seconds_sum{type="order.updated",destination="portal"} 5',
    ]);
  });

  it('counts attempts by class, and duplicates by cause', async () => {
    const { telling, line } = world();
    const entry = {
      attempt: 1,
      class: 'transient',
      status: 503,
      error: null,
      body: null,
      at: 0,
      tookms: 250,
      rule: 'default',
      stage: null,
    };
    telling.attempted(testDelivery(1), entry);
    telling.duplicateSent('portal', 'takeover');
    expect(await line('holdfast_attempts_total')).toEqual([
      'holdfast_attempts_total{destination="portal",type="order.updated",class="transient"} 1',
    ]);
    expect(await line('holdfast_attempt_seconds_sum')).toEqual(['holdfast_attempt_seconds_sum{destination="portal"} 0.25']);
    expect(await line('holdfast_duplicates_sent_total')).toEqual([
      'holdfast_duplicates_sent_total{destination="portal",cause="takeover"} 1',
    ]);
  });

  it('knows who waits, and until it goes on', () => {
    const { telling } = world();
    telling.waits('portal', 1, 'Redis is away');
    expect([...telling.waiting()]).toEqual([['portal/1', 'Redis is away']]);
    telling.waits('portal', 1, null);
    expect([...telling.waiting()]).toEqual([]);
  });
});

describe('what is measured', () => {
  it('is the depth of a line by type, and how long a destination has been held', async () => {
    const { metrics, line } = world();
    const topics = topicNames('g.');
    const log = new MemoryLog().createTopic(topics.retry('30s'), 1);
    const put = (type: string) =>
      log.broker.write([{ topic: topics.retry('30s'), key: 'k', value: null, headers: { ce_type: type } }], null);
    ['order.updated', 'order.updated', 'order.updated', 'strange'].forEach(put);
    const metadata = encodeCommitMetadata(1, { incarnation: 'i', number: 1, redisIdentity: null, settled: [] });
    log.broker.setCommitted({ group: 'g', topic: topics.retry('30s'), partition: 0, offset: 1, metadata });
    const status = {
      group: 'g',
      topic: topics.retry('30s'),
      joined: true,
      partitions: [0],
      lastHeartbeatMs: null,
      missingTopic: false,
      stuck: [],
    };
    const parts: GaugeParts = {
      cluster: log.process(),
      process: {
        status: () => [status],
        parked: () => [{ destination: 'portal', partition: 0, size: 3 }],
        holds: () => [{ destination: 'portal', reason: 'throttled', sinceMs: 3_000, untilMs: 0, detail: null }],
      },
      metrics,
      boundedType: boundedType(['order.updated']),
      clock: { ...systemClock, nowMs: () => 10_000 },
      topics,
      tiers: [{ name: '30s' }],
      destinations: ['portal', 'shop'],
    };
    await measureDepths(parts);
    measureHolds(parts);
    expect(await line('holdfast_retry_depth{')).toEqual([
      'holdfast_retry_depth{tier="30s",type="order.updated"} 2',
      'holdfast_retry_depth{tier="30s",type="other"} 1',
    ]);
    expect(await line('holdfast_parked_depth{')).toEqual([
      'holdfast_parked_depth{destination="portal"} 3',
      'holdfast_parked_depth{destination="shop"} 0',
    ]);
    const holds = await line('holdfast_hold_seconds{');
    expect(holds).toContain('holdfast_hold_seconds{destination="portal",reason="throttled"} 7');
    expect(holds).toContain('holdfast_hold_seconds{destination="portal",reason="paused"} 0');
    expect(holds).toContain('holdfast_hold_seconds{destination="shop",reason="throttled"} 0');
  });
});
