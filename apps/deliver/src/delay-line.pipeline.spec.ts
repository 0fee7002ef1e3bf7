import { describe, expect, it } from '@jest/globals';
import { MemoryMarksServer } from '#libs/delivery/src/index.js';
import { topicNames } from '#libs/domain/src/index.js';
import { LogError, MemoryLog, PartitionOwner, silentLogger, systemClock, type PartitionLog } from '#libs/kafka/src/index.js';
import { delayLineWork } from './delay-line.pipeline.js';
import { deliverBoundsDefault } from './deliver.config.js';
import { deliveryRecord, listeningReport, memoryCodec, readDeliveryRecord, testDelivery } from './testing/deliver.world.js';

const topics = topicNames('s.');

/** A destination's topic that takes less than the line's. */
function narrow(log: PartitionLog, maxBytes: number): PartitionLog {
  return {
    group: log.group,
    topic: log.topic,
    partition: log.partition,
    read: (from, max, signal) => log.read(from, max, signal),
    bounds: () => log.bounds(),
    fence: () => log.fence(),
    committed: () => log.committed(),
    commit: async (batch) => {
      const large = batch.records.some(({ topic, value }) => topic !== topics.dlq && (value?.length ?? 0) > maxBytes);
      if (large) throw new LogError('too-large', 'MESSAGE_TOO_LARGE');
      return log.commit(batch);
    },
  };
}

describe('a delay line', () => {
  it('gives up the body of a delivery that its destination takes no more, and the others go back (rule 8)', async () => {
    const codec = await memoryCodec();
    const log = new MemoryLog();
    for (const topic of [topics.retry('a'), topics.deliveries('portal'), topics.dlq, topics.ledger, topics.invalid]) log.createTopic(topic);
    const large = testDelivery(1, { event: { data: Buffer.alloc(5_000) } });
    for (const delivery of [testDelivery(0), large, testDelivery(2)])
      log.broker.write([deliveryRecord(codec, topics.retry('a'), delivery)], null);
    log.broker.setCommitted({ group: 'g', topic: topics.retry('a'), partition: 0, offset: 0, metadata: '' });
    const process = log.process();
    const work = delayLineWork({
      tier: { name: 'a', delayMs: 0 },
      known: new Set(['portal']),
      ports: {
        clock: systemClock,
        codec,
        marks: new MemoryMarksServer().store(),
        report: listeningReport().report,
        logger: silentLogger,
        topics,
      },
      bounds: { ...deliverBoundsDefault, readWaitMs: 20 },
      ownerOf: (of) => new PartitionOwner(narrow(of, 2_000), { begin: 'own-topic' }),
    });
    const source = process.source({ group: 'g', topic: topics.retry('a') });
    await source.start(work);
    for (let n = 0; n < 100 && log.records(topics.dlq).length === 0; n++) await systemClock.sleep(10);
    for (let n = 0; n < 100 && log.records(topics.deliveries('portal')).length < 2; n++) await systemClock.sleep(10);
    await source.stop();
    const [dead] = log.records(topics.dlq).map((record) => readDeliveryRecord(codec, record));
    expect(dead).toMatchObject({ id: 'd1', class: 'permanent', reason: expect.stringContaining('too large') });
    expect(log.records(topics.deliveries('portal')).map((record) => readDeliveryRecord(codec, record).id)).toEqual(['d0', 'd2']);
  });
});
