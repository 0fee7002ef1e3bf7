import { HttpRegistry, openCodec } from '#libs/contracts/src/index.js';
import { TopicProducer, type System } from '#libs/testkit/src/index.js';
import { asEventRecord, benchEvents } from './events.js';

/** Writes distinct events straight into `hf.events`, as fast as the broker takes them: the apps find a backlog. */
export async function produceEvents(system: System, tag: string, count: number): Promise<void> {
  const codec = await openCodec(new HttpRegistry(system.services.registryUrl), { register: true });
  const producer = await TopicProducer.open(system.services.brokers, system.names.events);
  try {
    await producer.produce(benchEvents(tag, count).map((event) => asEventRecord(codec, event)));
  } finally {
    await producer.close();
  }
}
