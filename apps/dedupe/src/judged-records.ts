import { createHash, hash } from 'node:crypto';
import { formatPosition, type Delivery, type Fact, type Fault, type HoldfastEvent, type TopicNames } from '#libs/domain/src/index.js';
import type { Codec } from '#libs/contracts/src/index.js';
import type { OutRecord } from '#libs/kafka/src/index.js';
import type { Way } from './decide-routes.js';
import type { Verdict } from './decide-verdict.js';
import type { ReadEvent } from './event-reading.js';

/** An event with its verdict and all that is written because of it. */
export type Judged = Readonly<{ read: ReadEvent; verdict: Verdict; records: readonly OutRecord[]; byDigest: boolean }>;
export type Writing = Readonly<{
  codec: Pick<Codec, 'encode'>;
  topics: TopicNames;
  incarnation: string;
  nowMs: number;
}>;

/** The records of one verdict: a delivery for each way, or the parked event, and always one fact. */
export function judgedRecords(read: ReadEvent, verdict: Verdict, writing: Writing): Judged {
  const { event } = read;
  const position = formatPosition(read.record);
  const headers = headersOf(event);
  const records: OutRecord[] = [];
  if (verdict.verdict === 'accepted') {
    for (const way of verdict.ways) records.push(deliveryRecord({ event, way, position, headers }, writing));
  } else if (verdict.verdict === 'invalid') {
    records.push(invalidRecord(read, verdict.faults, { position, headers }, writing));
  }
  records.push({
    topic: writing.topics.ledger,
    key: event.id,
    value: writing.codec.encode('Fact', factOf(event, verdict, position, writing)),
    headers,
  });
  return { read, verdict, records, byDigest: false };
}

/**
 * An event that alone is too large to be written on (deliveries are larger than events, rule 8): parked by the digest of its body.
 * The body itself stays in the event log, at the position that the record names.
 */
export function judgedByDigest(judged: Judged, writing: Writing): Judged {
  const { event } = judged.read;
  const clip = (text: string): string => text.slice(0, clippedMax);
  const fault: Fault = {
    pointer: '',
    code: 'too-large',
    message: `the records that this event of ${event.data.length} bytes leads to are larger than the topics take: lower its source's bodyMax, or raise topics.messageMax`,
  };
  const digest = createHash('sha256').update(event.data).digest('hex');
  const clipped: HoldfastEvent = {
    ...event,
    id: clip(event.id),
    subject: clip(event.subject),
    idempotencykey: clip(event.idempotencykey),
    data: Buffer.alloc(0),
    attributes: { 'data-sha256': digest, 'data-bytes': String(event.data.length) },
    faults: [fault],
  };
  const read: ReadEvent = { ...judged.read, event: clipped, faults: [fault], asItStands: false };
  return { ...judgedRecords(read, { verdict: 'invalid', faults: [fault] }, writing), byDigest: true };
}

const clippedMax = 1_024;

/** 144 bits of SHA-256: the same delivery however often the event is judged, another one in another incarnation of the log. */
export const deliveryId = (incarnation: string, position: string, destination: string): string =>
  hash('sha256', `${incarnation}\0${position}\0${destination}`, 'base64url').slice(0, 24);

type Placed = Readonly<{ position: string; headers: OutRecord['headers'] }>;

function deliveryRecord({ event, way, position, headers }: Placed & { event: HoldfastEvent; way: Way }, writing: Writing): OutRecord {
  const delivery: Delivery = {
    id: deliveryId(writing.incarnation, position, way.destination),
    destination: way.destination,
    event,
    eventposition: position,
    ordering: way.ordering,
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
  };
  return {
    topic: writing.topics.deliveries(way.destination),
    key: event.subject,
    value: writing.codec.encode('Delivery', delivery),
    headers,
  };
}

/** The event as it stands in the log where that already says what is wrong with it. `hf-position` leads back to it. */
function invalidRecord(
  { event, record, asItStands }: ReadEvent,
  faults: readonly Fault[],
  { position, headers }: Placed,
  writing: Writing,
): OutRecord {
  return {
    topic: writing.topics.invalid,
    key: event.subject || event.source,
    value: asItStands && faults === event.faults ? record.value : writing.codec.encode('Event', { ...event, faults: [...faults] }),
    headers: { ...headers, 'hf-position': position },
  };
}

function factOf(event: HoldfastEvent, verdict: Verdict, position: string, { nowMs, topics }: Writing): Fact {
  const by = 'by' in verdict && verdict.by !== null ? `${position.slice(0, position.lastIndexOf('/'))}/${verdict.by}` : null;
  return {
    id: event.id,
    correlationid: event.correlationid,
    fact: 'judged',
    at: nowMs,
    app: 'dedupe',
    type: event.type,
    source: event.source,
    eventposition: position,
    position,
    destination: null,
    delivery: null,
    hop: null,
    verdict: verdict.verdict,
    duplicateof: by,
    class: null,
    attempt: null,
    attempts: [],
    destinations: verdict.verdict === 'accepted' ? verdict.ways.map(({ destination }) => destination) : [],
    tier: null,
    until: null,
    reason: reasonOf(event, verdict, topics.invalid),
    by: null,
    faults: verdict.verdict === 'invalid' ? [...verdict.faults] : [],
    externalid: null,
  };
}

function reasonOf(event: HoldfastEvent, verdict: Verdict, invalidTopic: string): string | null {
  switch (verdict.verdict) {
    case 'unrouted':
      return `no route takes type ${event.type} from ${event.source}`;
    case 'superseded':
      return 'a newer revision was accepted before';
    case 'accepted':
      return verdict.passedOver.length > 0 ? `a newer revision was accepted before: not for ${verdict.passedOver.join(', ')}` : null;
    case 'invalid':
      return `parked in ${invalidTopic}: ${verdict.faults[0]!.code}`;
    case 'duplicate':
      return null;
  }
}

function headersOf({ id, type, source, correlationid, traceparent }: HoldfastEvent): OutRecord['headers'] {
  const headers = { ce_id: id, ce_type: type, ce_source: source, 'correlation-id': correlationid };
  return traceparent === null ? headers : { ...headers, traceparent };
}
