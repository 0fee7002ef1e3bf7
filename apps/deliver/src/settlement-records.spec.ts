import { describe, expect, it } from '@jest/globals';
import { topicNames } from '#libs/domain/src/index.js';
import { unreadableRecords } from './settlement-records.js';
import { memoryCodec } from './testing/deliver.world.js';

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
