import { describe, expect, it } from '@jest/globals';
import { topicNames } from '#libs/domain/src/index.js';
import { systemClock, type PartitionReader } from '#libs/kafka/src/index.js';
import { createMetrics } from '#libs/observability/src/index.js';
import { measureDepths, type GaugeParts } from './deliver.gauges.js';

describe('the depth of a delay line', () => {
  it('is counted by type, and told as 0 when a type has left the line', async () => {
    const line = { offset: 0, types: ['a', 'b', 'a'] };
    const metrics = createMetrics('deliver', { defaults: false });
    const depths = async (): Promise<Record<string, number>> => {
      await measureDepths(partsOf(line, metrics));
      return Object.fromEntries(
        (await metrics.retryDepth.get()).values.map(({ labels, value }) => [`${labels.tier} ${labels.type}`, value]),
      );
    };
    expect(await depths()).toEqual({ '30s a': 2, '30s b': 1 });
    line.offset = 2;
    expect(await depths()).toEqual({ '30s a': 1, '30s b': 0 });
    line.offset = 3;
    expect(await depths()).toEqual({ '30s a': 0, '30s b': 0 });
  });
});

function partsOf(line: { offset: number; types: string[] }, metrics: GaugeParts['metrics']): GaugeParts {
  const topics = topicNames('t.');
  const reader = {
    bounds: async () => ({ startOffset: 0, endOffset: line.types.length }),
    read: async (from: number) => ({
      records: line.types.slice(from).map((type) => ({ headers: { ce_type: Buffer.from(type) } })),
      nextOffset: line.types.length,
    }),
  } as unknown as PartitionReader;
  return {
    cluster: { reader: () => reader, committed: async () => ({ offset: line.offset, metadata: '' }) },
    process: {
      status: () => [
        { group: 'g', topic: topics.retry('30s'), joined: true, partitions: [0], lastHeartbeatMs: 0, missingTopic: false, stuck: [] },
      ],
      holds: () => [],
      parked: () => [],
    },
    metrics,
    boundedType: (type) => type,
    clock: systemClock,
    topics,
    tiers: [{ name: '30s' }],
    destinations: [],
  };
}
