/**
 * The bare limit, first half: kafkajs → Redis `SET NX` → kafkajs, as fast as the clients go and without any guarantee (offsets are
 * committed by themselves, a crash loses or doubles, an emptied Redis forgets). A process of its own, so that its CPU can be taken.
 */
import { Redis } from 'ioredis';
import { Kafka, logLevel, type EachBatchPayload, type Producer } from 'kafkajs';

const PIPELINE_MAX = 500;

const { KAFKA_BROKERS = '', REDIS_URL = '', BARE_PREFIX = '' } = process.env;
const kafka = new Kafka({ clientId: 'bare-dedupe', brokers: KAFKA_BROKERS.split(','), logLevel: logLevel.NOTHING });
const redis = new Redis(REDIS_URL, { enableAutoPipelining: false });
const producer = kafka.producer({ allowAutoTopicCreation: false });
const consumer = kafka.consumer({ groupId: `${BARE_PREFIX}dedupe`, maxWaitTimeInMs: 50 });

async function pass(payload: EachBatchPayload, to: Producer): Promise<void> {
  const { batch } = payload;
  for (let i = 0; i < batch.messages.length; i += PIPELINE_MAX) {
    const slice = batch.messages.slice(i, i + PIPELINE_MAX);
    const pipeline = redis.pipeline();
    for (const { headers, offset } of slice) {
      pipeline.set(`${BARE_PREFIX}seen:${headers?.['ce_id']?.toString()}`, `${batch.topic}/${batch.partition}/${offset}`, 'EX', 600, 'NX');
    }
    const claims = (await pipeline.exec()) ?? [];
    const firsts = slice
      .filter((_, k) => claims[k]?.[1] === 'OK')
      .map(({ key, value, headers }) => ({ key, value, ...(headers ? { headers } : {}) }));
    if (firsts.length > 0) await to.send({ topic: `${BARE_PREFIX}out`, acks: -1, messages: firsts });
    payload.resolveOffset(slice.at(-1)!.offset);
    await payload.heartbeat();
  }
}

await Promise.all([producer.connect(), consumer.connect()]);
await consumer.subscribe({ topic: `${BARE_PREFIX}in`, fromBeginning: true });
consumer.on(consumer.events.GROUP_JOIN, () => process.stdout.write('ready\n'));
await consumer.run({ partitionsConsumedConcurrently: 8, eachBatchAutoResolve: false, eachBatch: (payload) => pass(payload, producer) });

process.once(
  'SIGTERM',
  () => void Promise.all([consumer.disconnect(), producer.disconnect(), redis.quit()]).finally(() => process.exit(0)),
);
