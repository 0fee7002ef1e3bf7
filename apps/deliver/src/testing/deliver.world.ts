import { MemoryRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import type { Delivery, Fact, HoldfastEvent } from '#libs/domain/src/index.js';
import type { LogRecord, OutRecord } from '#libs/kafka/src/index.js';
import type { DeliverReport, DestinationPolicy } from '../deliver.ports.js';

/** Our codec over a registry in memory: real bytes, no network. */
export const memoryCodec = (): Promise<Codec> => openCodec(new MemoryRegistry(), { register: true });

export const testPolicy = (over: Partial<DestinationPolicy> = {}): DestinationPolicy => ({
  timeoutMs: 1_000,
  maxInFlight: 8,
  classify: [],
  resolve: 'idempotency-key',
  validForMs: 86_400_000,
  unknown: { resolve: over.resolve ?? 'idempotency-key', statuses: [504], settleMs: 100 },
  tiers: [
    { name: '100ms', delayMs: 100 },
    { name: '250ms', delayMs: 250 },
  ],
  attemptsMax: 3,
  retryBudget: { share: 0.2, minPerSecond: 10 },
  maxAgeMs: 86_400_000,
  retryAfterMaxMs: 60_000,
  retryAfterDefaultMs: 20,
  ...over,
  ...(over.tiers && { attemptsMax: over.attemptsMax ?? over.tiers.length + 1 }),
});

/** A delivery as dedupe routes it: the `n`th event, to `portal`. */
export function testDelivery(n: number, over: Partial<Omit<Delivery, 'event'>> & { event?: Partial<HoldfastEvent> } = {}): Delivery {
  const { event, ...fields } = over;
  return {
    id: `d${n}`,
    destination: 'portal',
    eventposition: `s.events/0/${n}`,
    ordering: 'unordered',
    attempt: 0,
    hop: 0,
    generation: 0,
    firstattemptat: null,
    history: [],
    doubtful: false,
    quietat: null,
    maybetwice: false,
    reason: null,
    class: null,
    deadletteredat: null,
    operation: null,
    excluded: false,
    stages: [],
    retryms: 0,
    doubtsince: null,
    ...fields,
    event: {
      id: `ev${n}`,
      source: 'shop',
      type: 'order.updated',
      subject: `entity-${n}`,
      time: null,
      datacontenttype: 'application/json',
      dataschema: null,
      data: Buffer.from(`{"n":${n}}`),
      correlationid: `correlation-${n}`,
      traceparent: null,
      revision: null,
      schemaversion: null,
      receivedat: 1_700_000_000_000,
      idempotencykey: `k${n}`,
      origin: null,
      attributes: {},
      faults: [],
      ...event,
    },
  };
}

export const deliveryRecord = (codec: Codec, topic: string, delivery: Delivery): OutRecord => ({
  topic,
  key: delivery.event.subject,
  value: codec.encode('Delivery', delivery),
  headers: { ce_id: delivery.event.id, ce_type: delivery.event.type, ce_source: delivery.event.source },
});

const decoded =
  <K extends 'Event' | 'Delivery' | 'Fact'>(kind: K) =>
  (codec: Codec, record: LogRecord) => {
    const read = codec.decodeSync(kind, record.value!);
    if (!read.ok) throw new Error(`${kind} at ${record.topic}/${record.offset}: ${read.code}`);
    return read.value;
  };
export const readFact: (codec: Codec, record: LogRecord) => Fact = decoded('Fact');
export const readDeliveryRecord: (codec: Codec, record: LogRecord) => Delivery = decoded('Delivery');
export const readEvent: (codec: Codec, record: LogRecord) => HoldfastEvent = decoded('Event');

export type Told = {
  settled: string[];
  duplicates: string[];
  attempts: string[];
  holds: string[];
  stays: string[];
  waits: string[];
  breakers: string[];
};

export function listeningReport(): { report: DeliverReport; told: Told } {
  const told: Told = { settled: [], duplicates: [], attempts: [], holds: [], stays: [], waits: [], breakers: [] };
  const report: DeliverReport = {
    attempted: ({ id }, entry) => void told.attempts.push(`${id} ${entry.attempt} ${entry.class}`),
    duplicateSent: (_destination, cause) => void told.duplicates.push(cause),
    settled: ({ kind, delivery, position }) => void told.settled.push(`${delivery?.id ?? position} ${kind}`),
    stays: ({ id }, reason) => void told.stays.push(`${id} ${reason}`),
    destinationHeld: (_destination, { reason }) => void told.holds.push(reason),
    redisForgot: () => {},
    waits: (name, partition, why) => void (why && told.waits.push(`${name}/${partition} ${why}`)),
  };
  return { report, told };
}
