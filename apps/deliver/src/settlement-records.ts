import { createHash } from 'node:crypto';
import type { Codec } from '#libs/contracts/src/index.js';
import { ANY_STAGE, NO_DOUBTS, type DoneAs, type Doubts, type Rank } from '#libs/delivery/src/index.js';
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
import { isBeside, offsetOf } from './beside-key.js';
import { boundedHistory } from './bounded-history.js';
import type { EndKind, ParkedWord } from './deliver.ports.js';
import type { Item } from './item.js';
import { formatPark, type Park } from './parked-index.js';

/** How a delivery left its partition. `at` in ms since the epoch. */
export type End = Readonly<{ item: Item; atMs: number; class: string }> &
  (
    | Readonly<{ kind: 'delivered'; doneAs: DoneAs }>
    | (Readonly<{ kind: 'delayed'; tier: Readonly<{ name: string; delayMs: number }>; spends: boolean }> & Doubts)
    | (Readonly<{ kind: 'dead-lettered' | 'held'; reason: string; spends: boolean }> & Doubts)
    /** A newer one of its entity overtook it. */
    | Readonly<{ kind: 'superseded'; by: Rank }>
    /** Into `hf.parked.<destination>`, or written anew there; `requeued`: by this operator's word. */
    | (Readonly<{ kind: 'parked'; park: Park; reason: string; spends: boolean; requeued: string | null }> & Doubts)
    /** An operator's word ended it. */
    | Readonly<{ kind: 'resolved'; as: Exclude<ParkedWord['as'], 'resend'>; by: string; reason: string }>
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
  if (end.kind === 'superseded' || end.kind === 'resolved')
    return [factRecord(factOf(end, delivery.attempt, scope), delivery.event, scope)];
  const next = nextDelivery(end);
  if (end.kind === 'parked')
    return [parkedRecord(next, end.park, scope), factRecord(factOf(end, next.attempt, scope), delivery.event, scope)];
  const topic = end.kind === 'delayed' ? scope.topics.retry(end.tier.name) : scope.topics.dlq;
  return [
    { topic, key: next.event.subject, value: scope.codec.encode('Delivery', next), headers: headersOf(next.event) },
    factRecord(factOf(end, next.attempt, scope), delivery.event, scope),
  ];
}

/** Time under retry that follows (rule 25). */
function waitOf(end: End): number {
  if (end.kind === 'delayed') return end.class === 'coalesced' ? 0 : end.tier.delayMs;
  return end.kind === 'parked' && end.park.wait.kind === 'due' ? end.park.wait.delayMs : 0;
}

/** Into the same partition as its queue's, which has the same owner. */
const parkedRecord = (delivery: Delivery, park: Park, { codec, topics, partition }: RecordScope): OutRecord => ({
  topic: topics.parked(delivery.destination),
  partition,
  key: delivery.event.subject,
  value: codec.encode('Delivery', delivery),
  headers: { ...headersOf(delivery.event), 'hf-parked': formatPark(park), 'hf-delivery': delivery.id },
});

function nextDelivery(end: Exclude<End, { kind: 'delivered' | 'superseded' | 'resolved' }>): Delivery {
  const { delivery, entries, firstAttemptAtMs, leastDoneAs, retriedMs, stages, isAllInDoubt } = end.item;
  const isDead = end.kind === 'dead-lettered' || end.kind === 'held';
  const isStopped = end.kind === 'parked' && end.park.wait.kind === 'stopped';
  const isRequeued = end.kind === 'parked' && end.requeued !== null;
  return {
    ...delivery,
    attempt: isRequeued ? 0 : delivery.attempt + (end.spends ? 1 : 0),
    // `id` and `hop` name one record on its way; a dead letter has left the way.
    hop: delivery.hop + (isDead ? 0 : 1),
    // A key that was refused for certain is not the one of an operator's new try (rule 22); the age counts anew as well.
    generation: delivery.generation + (isRequeued && !end.doubtful ? 1 : 0),
    firstattemptat: isRequeued && !end.doubtful ? null : firstAttemptAtMs,
    history: boundedHistory([...delivery.history, ...entries]),
    doubtful: end.doubtful,
    quietat: end.quietAtMs,
    maybetwice: delivery.maybetwice || end.maybeTwice || leastDoneAs === 'maybe-twice',
    excluded: delivery.excluded || leastDoneAs === 'proof',
    stages: isAllInDoubt ? [...stages, { name: ANY_STAGE, as: 'unknown', kept: {} }] : [...stages],
    reason: isDead || isStopped ? end.reason : null,
    class: isDead || isStopped ? end.class : null,
    deadletteredat: isDead ? end.atMs : null,
    retryms: delivery.retryms + retriedMs + waitOf(end),
    doubtsince: end.doubtSinceMs,
  };
}

const FACTS = {
  delivered: 'settled',
  superseded: 'settled',
  delayed: 'attempted',
  parked: 'held',
  'dead-lettered': 'dead-lettered',
  held: 'held',
} as const;

function factKindOf(end: End): Fact['fact'] {
  if (end.kind === 'resolved') return end.as === 'discard' ? 'discarded' : 'settled';
  return end.kind === 'parked' && end.requeued !== null ? 'requeued' : FACTS[end.kind];
}

function verdictOf(end: End): Fact['verdict'] {
  if (end.kind === 'delivered') return VERDICTS[end.doneAs];
  if (end.kind === 'superseded') return 'superseded';
  return end.kind === 'resolved' && end.as === 'delivered' ? 'delivered-once-by-proof' : null;
}

/** Until when it waits, by its own word; null: until something happens. */
function untilOf(end: End): number | null {
  if (end.kind === 'delayed') return end.atMs + end.tier.delayMs;
  return end.kind === 'parked' && end.park.wait.kind === 'due' ? end.atMs + end.park.wait.delayMs : null;
}

function reasonOf(end: End): string | null {
  switch (end.kind) {
    case 'superseded':
      return `overtaken by a newer revision of its entity: ${end.by.eventposition}`;
    case 'dead-lettered':
    case 'held':
    case 'parked':
    case 'resolved':
      return end.reason;
    case 'delivered':
    case 'delayed':
      return null;
  }
}

/** Where a record of either log of the partition stands. */
export const positionOf = (key: number, destination: string, { topics, topic, partition }: RecordScope): string =>
  formatPosition({ topic: isBeside(key) ? topics.parked(destination) : topic, partition, offset: offsetOf(key) });

function factOf(end: End, attempt: number, scope: RecordScope): Fact {
  const { delivery, entries, offset } = end.item;
  const { event } = delivery;
  return {
    id: event.id,
    correlationid: event.correlationid,
    fact: factKindOf(end),
    at: end.atMs,
    app: 'deliver',
    type: event.type,
    source: event.source,
    eventposition: delivery.eventposition,
    position: positionOf(offset, delivery.destination, scope),
    destination: delivery.destination,
    delivery: delivery.id,
    hop: delivery.hop,
    verdict: verdictOf(end),
    duplicateof: end.kind === 'superseded' ? end.by.eventposition : null,
    class: end.class,
    attempt,
    attempts: boundedHistory(entries),
    destinations: [],
    tier: end.kind === 'delayed' ? end.tier.name : end.kind === 'parked' ? 'parked' : null,
    until: untilOf(end),
    reason: reasonOf(end),
    by: end.kind === 'resolved' ? end.by : end.kind === 'parked' ? end.requeued : null,
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
  const doubts = 'doubtful' in end ? end : NO_DOUBTS;
  const dead: End = {
    kind: 'dead-lettered',
    item: { ...item, delivery, entries: cut(item.entries) },
    atMs: end.atMs,
    class: 'permanent',
    reason,
    spends: 'spends' in end ? end.spends : end.kind === 'delivered',
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
