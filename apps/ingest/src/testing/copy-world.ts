import { MemoryRegistry, openCodec, type Codec, type ForeignDecoder } from '#libs/contracts/src/index.js';
import type { HoldfastEvent } from '#libs/domain/src/index.js';
import {
  MemoryLog,
  PartitionOwner,
  type Interleave,
  type MemoryLimits,
  type MemoryProcess,
  type PartitionWork,
} from '#libs/kafka/src/index.js';
import { copyPartition } from '../copy.pipeline.js';
import { planEnvelope, type EnvelopeConfig } from '../decide-envelope.js';
import type { CopyPorts, TopicSource } from '../ingest.ports.js';
import { systemNaming } from '../naming.js';
import { recordDecoder } from '../record-decoder.js';

export const GROUP = 'hf.ingest.erp';
export const TOPIC = 'erp.orders';
export const source = (
  format: 'json' | 'avro' | 'cloudevents',
  decoder: ForeignDecoder,
  event: Partial<EnvelopeConfig['event']> = {},
): TopicSource => ({
  name: 'erp',
  topic: TOPIC,
  decoder: recordDecoder(format, decoder),
  envelope: planEnvelope({
    name: 'erp',
    event: {
      id: null,
      type: { kind: 'literal', value: 'order.updated' },
      entity: { kind: 'pointer', pointer: '/orderId' },
      revision: { kind: 'pointer', pointer: '/version' },
      time: null,
      ...event,
    },
    idempotency: { key: [{ kind: 'entity' }, { kind: 'revision' }] },
  }),
});
export const noAvro: ForeignDecoder = {
  decodeSync: () => ({ ok: false, code: 'bad-magic', message: 'no avro here' }),
  decode: async () => ({ ok: false, code: 'bad-magic', message: 'no avro here' }),
  learn: async () => false,
};

type Told = { waiting: (string | null)[]; received: string[]; faulty: number };

/** A producer's topic, `hf.events`, and processes that copy the one into the other, in memory. */
export async function copyWorld(limits?: MemoryLimits) {
  const log = new MemoryLog(limits ? { limits } : {}).createTopic(TOPIC).createTopic('hf.events', 3);
  const codec: Codec = await openCodec(new MemoryRegistry(), { register: true });
  const told: Told = { waiting: [], received: [], faulty: 0 };
  const put = (...values: unknown[]) => {
    const records = values.map((value) => ({
      topic: TOPIC,
      key: 'key-1',
      value: value === null || Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value)),
      headers: {},
    }));
    log.broker.write(records, null);
  };
  const ports = (over: Partial<CopyPorts> = {}): CopyPorts => ({
    owner: (one) => new PartitionOwner(one, { begin: 'earliest' }),
    encoder: { encode: (event) => codec.encode('Event', event) },
    naming: systemNaming(() => Date.now()),
    telling: {
      received: (_source, type) => void told.received.push(type),
      copied: ({ faulty }) => void (told.faulty += faulty),
      waiting: (_source, _partition, error) => void told.waiting.push(error?.message ?? null),
    },
    clock: log.clock,
    eventsTopic: 'hf.events',
    batchMaxBytes: 100_000,
    ...over,
  });
  const processes: MemoryProcess[] = [];
  const start = async (of: TopicSource, interleave?: Interleave, over?: Partial<CopyPorts>): Promise<MemoryProcess> => {
    const process = log.process(interleave, `process ${processes.length}`);
    processes.push(process);
    const work: PartitionWork = (one, lease) => copyPartition(one, lease, of, ports(over));
    await process.source({ group: GROUP, topic: TOPIC }).start(work);
    return process;
  };
  const events = (): HoldfastEvent[] =>
    log.records('hf.events').map(({ value }) => {
      const decoded = codec.decodeSync('Event', value!);
      if (!decoded.ok) throw new Error(decoded.code);
      return decoded.value;
    });
  const until = async (count: number) => {
    for (let waited = 0; events().length < count && waited < 5_000; waited += 5) await new Promise((resolve) => setTimeout(resolve, 5));
    return events();
  };
  /** A process that crashed does not come back, so nothing waits for it. */
  const crash = (process: MemoryProcess): void => {
    process.crash();
    processes.splice(processes.indexOf(process), 1);
  };
  const close = async (): Promise<void> => void (await Promise.all(processes.map((process) => process.close())));
  return { log, put, start, crash, close, events, until, told };
}
