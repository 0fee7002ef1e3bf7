import { formatPosition, type Delivery, type Fault, type HistoryEntry, type HoldfastEvent } from '#libs/domain/src/index.js';
import { decideSignature, messageOfAttempt, messageOfFaults } from './decide-signature.js';

/** What came to rest, as it is kept: one row of `dead_letters` (its columns have these names). Times in ms since the epoch. */
export type Entry = Readonly<{
  kind: 'dead-letter' | 'invalid' | 'unreadable';
  topic: string;
  partition: number;
  offset: number;
  incarnation: string;
  delivery: string | null;
  hop: number | null;
  operation: string | null;
  destination: string | null;
  source: string;
  type: string;
  eventid: string;
  correlationid: string;
  entity: string | null;
  eventposition: string | null;
  contenttype: string | null;
  /** The sender's body, byte for byte. */
  data: Buffer;
  /** The whole record, where nobody could read it. */
  raw: Buffer | null;
  reason: string;
  class: string | null;
  status: number | null;
  attempts: number;
  history: readonly HistoryEntry[];
  faults: readonly Fault[];
  signature: string;
  sample: string;
  deadletteredat: number;
}>;

/** Where the record stands. `headers` as text. */
export type Standing = Readonly<{
  topic: string;
  partition: number;
  offset: number;
  incarnation: string;
  timestampMs: number;
  headers: Readonly<Record<string, string>>;
}>;

export function entryOfDelivery(delivery: Delivery, at: Standing): Entry {
  const last = delivery.history.at(-1);
  const reason = delivery.reason ?? 'unnamed';
  const trouble = delivery.class ?? last?.class ?? 'unknown';
  const { group, sample } = decideSignature({
    place: delivery.destination,
    class: trouble,
    status: last?.status ?? null,
    message: messageOfAttempt(last, reason),
  });
  return {
    kind: 'dead-letter',
    ...placeOf(at),
    delivery: delivery.id,
    hop: delivery.hop,
    operation: delivery.operation,
    destination: delivery.destination,
    ...envelopeOf(delivery.event),
    eventposition: delivery.eventposition,
    raw: null,
    reason,
    class: delivery.class ?? last?.class ?? null,
    status: last?.status ?? null,
    attempts: delivery.attempt,
    history: delivery.history,
    faults: delivery.event.faults,
    signature: group,
    sample,
    deadletteredat: delivery.deadletteredat ?? at.timestampMs,
  };
}

export function entryOfEvent(event: HoldfastEvent, at: Standing): Entry {
  const reason = event.faults[0]?.message || event.faults[0]?.code || 'invalid';
  const { group, sample } = decideSignature({
    place: event.source,
    class: 'invalid',
    status: null,
    message: messageOfFaults(event.faults) || reason,
  });
  return {
    kind: 'invalid',
    ...placeOf(at),
    ...nowhere,
    ...envelopeOf(event),
    eventposition: at.headers['hf-position'] ?? null,
    raw: null,
    reason,
    class: 'invalid',
    faults: event.faults,
    signature: group,
    sample,
    deadletteredat: at.timestampMs,
  };
}

/** Columns with an index take no more than 2,700 bytes, and nobody knows who wrote such a record's headers. */
const STRANGE_TEXT_MAX_CHARS = 256;

/** Nothing of it can be read but its headers: kept whole, so that a person or a later release can. */
export function entryOfUnreadable(fault: Readonly<{ code: string; message: string }>, raw: Buffer | null, at: Standing): Entry {
  const header = (name: string): string => (at.headers[name] ?? '').slice(0, STRANGE_TEXT_MAX_CHARS);
  const source = header('ce_source') || 'unknown';
  const { group, sample } = decideSignature({
    place: at.topic,
    class: 'unreadable',
    status: null,
    message: `${fault.code}: ${fault.message}`,
  });
  return {
    kind: 'unreadable',
    ...placeOf(at),
    ...nowhere,
    source,
    type: header('ce_type'),
    eventid: header('ce_id'),
    correlationid: header('correlation-id'),
    entity: null,
    eventposition: null,
    contenttype: null,
    data: Buffer.alloc(0),
    raw: raw ?? Buffer.alloc(0),
    reason: `${formatPosition(at)} cannot be read: ${fault.message}`,
    class: 'unreadable',
    faults: [{ pointer: '', code: fault.code, message: fault.message }],
    signature: group,
    sample,
    deadletteredat: at.timestampMs,
  };
}

const placeOf = ({ topic, partition, offset, incarnation }: Standing) => ({ topic, partition, offset, incarnation });

const nowhere = { delivery: null, hop: null, operation: null, destination: null, status: null, attempts: 0, history: [] } as const;

const envelopeOf = (event: HoldfastEvent) => ({
  source: event.source,
  type: event.type,
  eventid: event.id,
  correlationid: event.correlationid,
  entity: event.subject,
  contenttype: event.datacontenttype,
  data: event.data,
});
