import { createHash } from 'node:crypto';
import type { Codec } from '#libs/contracts/src/index.js';
import { NO_DOUBTS, type DoneAs, type Doubts } from '#libs/delivery/src/index.js';
import {
  formatPosition,
  type Delivery,
  type DeliveredVerdict,
  type Fact,
  type HistoryEntry,
  type HoldfastEvent,
  type TopicNames,
} from '#libs/domain/src/index.js';
import type { LogRecord, OutRecord } from '#libs/kafka/src/index.js';
import type { EndKind } from './deliver.ports.js';
import { boundedHistory } from './bounded-history.js';
import type { Item } from './item.js';

/** How a delivery left its partition. `at` in ms since the epoch. */
export type End = Readonly<{ item: Item; atMs: number; class: string }> &
  (
    | Readonly<{ kind: 'delivered'; doneAs: DoneAs }>
    | (Readonly<{ kind: 'delayed'; tier: Readonly<{ name: string; delayMs: number }>; spends: boolean }> & Doubts)
    | (Readonly<{ kind: 'dead-lettered' | 'held'; reason: string; spends: boolean }> & Doubts)
  );

export type RecordScope = Readonly<{ codec: Codec; topics: TopicNames; topic: string; partition: number }>;

const VERDICTS: Readonly<Record<DoneAs, DeliveredVerdict>> = {
  once: 'delivered-once',
  proof: 'delivered-once-by-proof',
  'maybe-twice': 'delivered-maybe-twice',
};

export const endKindOf = (end: End): EndKind => (end.kind === 'delivered' ? VERDICTS[end.doneAs] : end.kind);

/** What one end writes, in the transaction that settles it: the record it becomes, and the fact of it. */
export function recordsOf(end: End, scope: RecordScope): OutRecord[] {
  const { delivery } = end.item;
  if (end.kind === 'delivered') return [factRecord(factOf(end, delivery.attempt + 1, scope), delivery.event, scope)];
  const next = nextDelivery(end);
  const topic = end.kind === 'delayed' ? scope.topics.retry(end.tier.name) : scope.topics.dlq;
  return [
    { topic, key: next.event.subject, value: scope.codec.encode('Delivery', next), headers: headersOf(next.event) },
    factRecord(factOf(end, next.attempt, scope), delivery.event, scope),
  ];
}

function nextDelivery(end: Exclude<End, { kind: 'delivered' }>): Delivery {
  const { delivery, entries, firstAttemptAtMs, leastDoneAs, retriedMs } = end.item;
  const isDead = end.kind !== 'delayed';
  return {
    ...delivery,
    attempt: delivery.attempt + (end.spends ? 1 : 0),
    // `id` and `hop` name one record on its way; a dead letter has left the way.
    hop: delivery.hop + (isDead ? 0 : 1),
    firstattemptat: firstAttemptAtMs,
    history: boundedHistory([...delivery.history, ...entries]),
    doubtful: end.doubtful,
    quietat: end.quietAtMs,
    maybetwice: delivery.maybetwice || end.maybeTwice || leastDoneAs === 'maybe-twice',
    excluded: delivery.excluded || leastDoneAs === 'proof',
    reason: isDead ? end.reason : null,
    class: isDead ? end.class : null,
    deadletteredat: isDead ? end.atMs : null,
    retryms: delivery.retryms + retriedMs + (end.kind === 'delayed' ? end.tier.delayMs : 0),
    doubtsince: end.doubtSinceMs,
  };
}

const FACTS = { delivered: 'settled', delayed: 'attempted', 'dead-lettered': 'dead-lettered', held: 'held' } as const;

function factOf(end: End, attempt: number, { topic, partition }: RecordScope): Fact {
  const { delivery, entries, offset } = end.item;
  const { event } = delivery;
  return {
    id: event.id,
    correlationid: event.correlationid,
    fact: FACTS[end.kind],
    at: end.atMs,
    app: 'deliver',
    type: event.type,
    source: event.source,
    eventposition: delivery.eventposition,
    position: formatPosition({ topic, partition, offset }),
    destination: delivery.destination,
    delivery: delivery.id,
    hop: delivery.hop,
    verdict: end.kind === 'delivered' ? VERDICTS[end.doneAs] : null,
    duplicateof: null,
    class: end.class,
    attempt,
    attempts: boundedHistory(entries),
    destinations: [],
    tier: end.kind === 'delayed' ? end.tier.name : null,
    until: end.kind === 'delayed' ? end.atMs + end.tier.delayMs : null,
    reason: end.kind === 'dead-lettered' || end.kind === 'held' ? end.reason : null,
    by: null,
    faults: [],
    externalid: null,
  };
}

const factRecord = (fact: Fact, event: HoldfastEvent, { codec, topics }: RecordScope): OutRecord => ({
  topic: topics.ledger,
  key: fact.id,
  value: codec.encode('Fact', fact),
  headers: headersOf(event),
});

export function headersOf(event: HoldfastEvent): Record<string, string> {
  const headers: Record<string, string> = {
    ce_id: event.id,
    ce_type: event.type,
    ce_source: event.source,
    'correlation-id': event.correlationid,
  };
  if (event.traceparent !== null) headers['traceparent'] = event.traceparent;
  return headers;
}

/** A record that no settlement can carry (rule 8) is settled by its digest: its body stays in `hf.events`, whose position it names. */
export function digestOf(end: End, scope: RecordScope): OutRecord[] {
  const { item } = end;
  const { event } = item.delivery;
  const sha256 = createHash('sha256').update(event.data).digest('hex');
  const short = {
    ...event,
    data: Buffer.from(`sha256:${sha256} of ${event.data.length} bytes`),
    datacontenttype: 'text/plain',
    attributes: {},
  };
  const delivery: Delivery = { ...item.delivery, event: short, history: cut(item.delivery.history) };
  const reason = `too large to settle; its body stands at ${delivery.eventposition}`;
  const doubts = end.kind === 'delivered' ? NO_DOUBTS : end;
  const dead: End = {
    kind: 'dead-lettered',
    item: { ...item, delivery, entries: cut(item.entries) },
    atMs: end.atMs,
    class: 'permanent',
    reason,
    spends: end.kind === 'delivered' || end.spends,
    doubtful: doubts.doubtful,
    quietAtMs: doubts.quietAtMs,
    doubtSinceMs: doubts.doubtSinceMs,
    maybeTwice: doubts.maybeTwice,
  };
  return recordsOf(dead, scope);
}

const cut = (entries: readonly HistoryEntry[]): HistoryEntry[] => entries.slice(-1).map((entry) => ({ ...entry, body: null }));

/** Whoever wrote such a record may have put anything into its key and headers, and they are kept even where its value is not. */
const strangeTextMaxLength = 256;

/** A record that our own reader cannot read: kept whole in `hf.invalid`, with where it stood. */
export function unreadableRecords(record: LogRecord, why: Readonly<{ code: string; message: string }>, scope: RecordScope): OutRecord[] {
  const short = (bytes: Buffer | null | undefined): string => bytes?.toString('utf8').slice(0, strangeTextMaxLength) ?? '';
  const text = (name: string): string => short(record.headers[name]);
  const position = formatPosition(record);
  const event: HoldfastEvent = {
    id: text('ce_id') || position,
    source: text('ce_source'),
    type: text('ce_type'),
    subject: short(record.key) || position,
    time: null,
    datacontenttype: 'application/octet-stream',
    dataschema: null,
    data: record.value ?? Buffer.alloc(0),
    correlationid: text('correlation-id'),
    traceparent: text('traceparent') || null,
    revision: null,
    schemaversion: null,
    receivedat: record.timestampMs,
    idempotencykey: position,
    origin: position,
    attributes: {},
    faults: [{ pointer: '', code: why.code, message: `not a readable delivery: ${why.message}` }],
  };
  return [{ topic: scope.topics.invalid, key: event.subject, value: scope.codec.encode('Event', event), headers: headersOf(event) }];
}
