/**
 * The bare limit, second half: kafkajs → undici `POST`, 128 connections, without any guarantee: an answer that is not 2xx is ignored.
 */
import { Kafka, logLevel, type EachBatchPayload } from 'kafkajs';
import { Pool } from 'undici';

const CONNECTIONS = 128;

const { KAFKA_BROKERS = '', BARE_PREFIX = '', PARTNER_URL = '' } = process.env;
const kafka = new Kafka({ clientId: 'bare-deliver', brokers: KAFKA_BROKERS.split(','), logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({ groupId: `${BARE_PREFIX}deliver`, maxWaitTimeInMs: 50 });
const pool = new Pool(PARTNER_URL, { connections: CONNECTIONS, pipelining: 1 });

async function deliver(payload: EachBatchPayload): Promise<void> {
  const { batch } = payload;
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let at = next++; at < batch.messages.length; at = next++) {
      const { key, value, headers } = batch.messages[at]!;
      const id = headers?.['ce_id']?.toString() ?? '';
      const answer = await pool.request({
        path: `/bare/${key?.toString()}`,
        method: 'POST',
        body: value,
        headers: { 'content-type': 'application/json', 'x-holdfast-event-id': id, 'idempotency-key': id },
      });
      await answer.body.dump();
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, sender));
  payload.resolveOffset(batch.lastOffset());
}

await consumer.connect();
await consumer.subscribe({ topic: `${BARE_PREFIX}out`, fromBeginning: true });
consumer.on(consumer.events.GROUP_JOIN, () => process.stdout.write('ready\n'));
await consumer.run({ partitionsConsumedConcurrently: 8, eachBatchAutoResolve: false, eachBatch: deliver });

process.once('SIGTERM', () => void Promise.all([consumer.disconnect(), pool.destroy()]).finally(() => process.exit(0)));
