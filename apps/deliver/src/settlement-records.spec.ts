import { describe, expect, it } from '@jest/globals';
import { topicNames } from '#libs/domain/src/index.js';
import { itemOf } from './item.js';
import { recordsOf, unreadableRecords } from './settlement-records.js';
import { memoryCodec, testDelivery } from './testing/deliver.world.js';

describe('unreadableRecords', () => {
  it('bounds what a stranger put into key and headers, or no digest would be small enough to settle (rule 8)', async () => {
    const scope = { codec: await memoryCodec(), topics: topicNames('s.'), topic: 's.deliveries.portal', partition: 0 };
    const huge = Buffer.alloc(2_000_000, 'x');
    const headers = { ce_id: huge, ce_type: huge, ce_source: huge, 'correlation-id': huge, traceparent: huge };
    const record = { topic: scope.topic, partition: 0, offset: 7, timestampMs: 1, key: huge, value: null, headers };
    const [parked] = unreadableRecords(record, { code: 'empty', message: 'no value' }, scope);
    const bytes = String(parked!.key).length + parked!.value!.length + JSON.stringify(parked!.headers).length;
    expect(bytes).toBeLessThan(10_000);
  });
});

describe('what a retry carries', () => {
  it('remembers over every hop that a look-up has excluded an earlier attempt', async () => {
    const codec = await memoryCodec();
    const scope = { codec, topics: topicNames(), topic: 'hf.deliveries.portal', partition: 0 };
    const item = itemOf(0, 0, testDelivery(1));
    item.leastDoneAs = 'proof';
    const delayed = { kind: 'delayed', tier: { name: '30s', delayMs: 30_000 }, spends: true, class: 'transient', atMs: 1 } as const;
    const doubts = { doubtful: false, quietAtMs: null, doubtSinceMs: null, maybeTwice: false };
    const [record] = recordsOf({ ...delayed, ...doubts, item }, scope);
    const read = codec.decodeSync('Delivery', record!.value!);
    if (!read.ok) throw new Error(read.code);
    expect(read.value).toMatchObject({ excluded: true, maybetwice: false });
    expect(itemOf(1, 0, read.value).leastDoneAs).toBe('proof');
  });
});
