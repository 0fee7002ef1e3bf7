import { describe, expect, it } from '@jest/globals';
import { MemoryMarksServer } from '#libs/delivery/src/index.js';
import type { Codec } from '#libs/contracts/src/index.js';
import { topicNames, type Delivery } from '#libs/domain/src/index.js';
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
    const { log, run } = await lineWith(codec, [
      testDelivery(0),
      testDelivery(1, { event: { data: Buffer.alloc(5_000) } }),
      testDelivery(2),
    ]);
    await run({
      known: ['portal'],
      narrowToBytes: 2_000,
      until: () => log.records(topics.dlq).length === 1 && log.records(topics.deliveries('portal')).length === 2,
    });
    const [dead] = log.records(topics.dlq).map((record) => readDeliveryRecord(codec, record));
    expect(dead).toMatchObject({ id: 'd1', class: 'permanent', reason: expect.stringContaining('too large') });
    expect(log.records(topics.deliveries('portal')).map((record) => readDeliveryRecord(codec, record).id)).toEqual(['d0', 'd2']);
  });

  it('keeps what is for a destination it does not know yet, and a replica that knows it gives it back as it was', async () => {
    const codec = await memoryCodec();
    const { log, run } = await lineWith(codec, [testDelivery(0, { attempt: 1, hop: 1 })]);
    await run({ known: ['other'], strangeMaxMs: 60_000, until: () => log.records(topics.retry('a')).length > 2 });
    expect(log.records(topics.dlq)).toEqual([]);
    await run({ known: ['portal'], strangeMaxMs: 60_000, until: () => log.records(topics.deliveries('portal')).length > 0 });
    const [back] = log.records(topics.deliveries('portal'));
    expect(readDeliveryRecord(codec, back!)).toEqual(testDelivery(0, { attempt: 1, hop: 1 }));
    expect(Object.keys(back!.headers)).not.toContain('hf-strange-since');
    expect(log.records(topics.dlq)).toEqual([]);
  });

  it('calls it a dead letter when nobody has known its destination for so long', async () => {
    const codec = await memoryCodec();
    const { log, run } = await lineWith(codec, [testDelivery(0)]);
    await run({ known: ['other'], strangeMaxMs: 200, until: () => log.records(topics.dlq).length > 0 });
    expect(log.records(topics.retry('a')).length).toBeGreaterThan(1);
    expect(readDeliveryRecord(codec, log.records(topics.dlq)[0]!)).toMatchObject({ id: 'd0', reason: expect.stringContaining('portal') });
  });
});

type Turn = Readonly<{ known: readonly string[]; narrowToBytes?: number; strangeMaxMs?: number; until: () => boolean }>;

/** A delay line's log with these deliveries in it, and processes that work on it one after the other. */
async function lineWith(codec: Codec, deliveries: readonly Delivery[]) {
  const log = new MemoryLog();
  for (const topic of [topics.retry('a'), topics.deliveries('portal'), topics.dlq, topics.ledger, topics.invalid]) log.createTopic(topic);
  for (const delivery of deliveries) log.broker.write([deliveryRecord(codec, topics.retry('a'), delivery)], null);
  log.broker.setCommitted({ group: 'g', topic: topics.retry('a'), partition: 0, offset: 0, metadata: '' });
  const ports = {
    clock: systemClock,
    codec,
    marks: new MemoryMarksServer().store(),
    report: listeningReport().report,
    logger: silentLogger,
    topics,
  };
  const run = async ({ known, narrowToBytes = Infinity, strangeMaxMs = 0, until }: Turn): Promise<void> => {
    const work = delayLineWork({
      tier: { name: 'a', delayMs: 10 },
      known: new Set(known),
      ports,
      bounds: { ...deliverBoundsDefault, readWaitMs: 20, strangeMaxMs },
      ownerOf: (of) => new PartitionOwner(narrow(of, narrowToBytes), { begin: 'own-topic' }),
    });
    const source = log.process().source({ group: 'g', topic: topics.retry('a') });
    await source.start(work);
    for (let n = 0; n < 500 && !until(); n++) await systemClock.sleep(10);
    await source.stop();
    expect(until()).toBe(true);
  };
  return { log, run };
}
