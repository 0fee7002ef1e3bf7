import { Kafka, logLevel, type Producer } from 'kafkajs';

/** What a producing system sends: `key` decides the partition. */
export type Produced = Readonly<{ key: string; value: Buffer; headers?: Readonly<Record<string, string>> }>;

/** Records of one `send`, and sends under way at once: enough to keep a broker busy, and far below the sizes it refuses. */
const BATCH_MAX = 1_000;
const SENDS_MAX = 3;

/**
 * A producing system, as kafkajs alone would write it: acks from all replicas, batches, no transactions.
 * `produce` resolves when every record is acknowledged; batches may pass each other, so order is that of separate calls.
 */
export class TopicProducer {
  private constructor(
    private readonly producer: Producer,
    private readonly topic: string,
  ) {}

  static async open(brokers: readonly string[], topic: string): Promise<TopicProducer> {
    const kafka = new Kafka({
      clientId: 'testkit-producer',
      brokers: [...brokers],
      logLevel: logLevel.NOTHING,
      retry: { retries: 30, maxRetryTime: 2_000 },
    });
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    return new TopicProducer(producer, topic);
  }

  async produce(records: readonly Produced[]): Promise<void> {
    let next = 0;
    const sender = async (): Promise<void> => {
      while (next < records.length) {
        const batch = records.slice(next, (next += BATCH_MAX));
        const messages = batch.map(({ key, value, headers }) => ({ key, value, ...(headers ? { headers: { ...headers } } : {}) }));
        await this.producer.send({ topic: this.topic, acks: -1, messages });
      }
    };
    await Promise.all(Array.from({ length: SENDS_MAX }, sender));
  }

  async close(): Promise<void> {
    await this.producer.disconnect();
  }
}
