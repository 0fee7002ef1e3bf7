import { MemoryRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import { typeMatcher } from '#libs/config/src/index.js';
import { parsePosition, topicNames, type Delivery, type Fact, type HoldfastEvent } from '#libs/domain/src/index.js';
import type { LogRecord, OutRecord } from '#libs/kafka/src/index.js';
import type { Route } from '../decide-routes.js';
import { dedupeDefaults, type DedupeConfig } from '../dedupe.ports.js';

const hour = 3_600_000;

/** Our codec over a registry in memory: real bytes, no network. */
export const memoryCodec = (): Promise<Codec> => openCodec(new MemoryRegistry(), { register: true });

export const route = (over: Partial<Omit<Route, 'from' | 'matches'>> & { from?: string[]; types?: string[] } = {}): Route => ({
  from: new Set(over.from ?? ['shop']),
  matches: typeMatcher(over.types ?? ['*']),
  to: over.to ?? 'portal',
  ordering: over.ordering ?? 'unordered',
});

export const testConfig = (prefix: string, over: Partial<DedupeConfig> = {}): DedupeConfig => ({
  ...dedupeDefaults,
  topics: topicNames(prefix),
  routes: [route()],
  windowMs: () => hour,
  windowMaxMs: hour,
  ...over,
});

/** An event as the door makes it; `key` is its idempotency key. */
export const testEvent = (over: Partial<HoldfastEvent> & { key?: string } = {}): HoldfastEvent => {
  const { key, ...fields } = over;
  const id = fields.id ?? 'e1';
  return {
    id,
    source: 'shop',
    type: 'order.updated',
    subject: 'order-1',
    time: null,
    datacontenttype: 'application/json',
    dataschema: null,
    data: Buffer.from('{"a":1}'),
    correlationid: `c-${id}`,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    revision: null,
    schemaversion: null,
    receivedat: 1_700_000_000_000,
    idempotencykey: key ?? id,
    origin: null,
    attributes: {},
    faults: [],
    ...fields,
  };
};

export const eventRecord = (codec: Codec, topic: string, event: HoldfastEvent, over: Partial<OutRecord> = {}): OutRecord => ({
  topic,
  key: event.subject,
  value: codec.encode('Event', event),
  headers: { ce_id: event.id, ce_type: event.type, ce_source: event.source, 'correlation-id': event.correlationid },
  ...over,
});

const decoded =
  <K extends 'Event' | 'Delivery' | 'Fact'>(kind: K) =>
  (codec: Codec, record: LogRecord) => {
    const read = codec.decodeSync(kind, record.value!);
    if (!read.ok) throw new Error(`${kind} at ${record.topic}/${record.offset}: ${read.code}`);
    return read.value;
  };
export const readFact: (codec: Codec, record: LogRecord) => Fact = decoded('Fact');
export const readDelivery: (codec: Codec, record: LogRecord) => Delivery = decoded('Delivery');
export const readEvent: (codec: Codec, record: LogRecord) => HoldfastEvent = decoded('Event');

/** A fact in few words, for tables: `3 duplicate of 1`, `4 accepted → portal`. */
export function factWords(fact: Fact): string {
  const at = parsePosition(fact.eventposition)!.offset;
  const by = fact.duplicateof === null ? '' : ` ${fact.verdict === 'duplicate' ? 'of' : 'by'} ${parsePosition(fact.duplicateof)!.offset}`;
  return `${at} ${fact.verdict}${by}${fact.destinations.length > 0 ? ` → ${fact.destinations.join(' ')}` : ''}`;
}
