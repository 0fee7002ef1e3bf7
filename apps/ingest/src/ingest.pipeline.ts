import type { HoldfastEvent } from '#libs/domain/src/index.js';
import type { OutRecord } from '#libs/kafka/src/index.js';
import { readBody } from './decide-body.js';
import { decideEnvelope } from './decide-envelope.js';
import type { Admission, AppendOutcome, DoorPorts, DoorRequest, RefusalCode, WebhookSource } from './ingest.ports.js';

const NO_ATTRIBUTES: Readonly<Record<string, string>> = {};

/**
 * The whole hot path of the door. Read this file first: source → decide → act → record.
 *
 * Shapes   One request whose body was read within its bound in, one Admission out. Only `accepted` becomes a 202.
 * Crash    before 3 ends: the sender has no answer, or a 503, and repeats; what did stand in the log is a duplicate by its key.
 *          After 3: the event is durable, and a sender that missed the 202 repeats as well.
 * Errors   None is thrown by a port; a bug ends as a 500 and nothing was promised.
 */
export async function admit(request: DoorRequest, source: WebhookSource, ports: DoorPorts): Promise<Admission> {
  // 1 · Source: only what can be trusted goes on. The signature is over the bytes, before anything reads them.
  if (!source.signature.verify(request.header, request.body)) return { kind: 'refused', code: 'bad-signature' };

  // 2 · Decide the envelope. A body that cannot be read is kept, with its fault: judging comes after durability.
  const body = readBody(request.kind, request.body);
  const event = decideEnvelope(
    source.envelope,
    {
      place: { value: body.value, header: request.header },
      body: request.body,
      fault: body.fault,
      contentType: request.contentType ?? null,
      correlationId: request.correlationId,
      traceparent: request.traceparent,
      spareId: ports.naming.eventId(),
      spareEntity: null,
      receivedAtMs: ports.nowMs(),
      origin: null,
      dataschema: null,
      schemaversion: null,
      attributes: NO_ATTRIBUTES,
    },
    ports.naming.hash,
  );

  // 3 · Act: append, and wait until all replicas have it.
  const record = eventRecord(event, ports);
  const outcome = await ports.appender.append(record, recordBytes(record));

  // 4 · Record: only a durable event is counted and acknowledged.
  if (outcome !== 'appended') return { kind: 'refused', code: REFUSALS[outcome] };
  ports.telling.received(event.source, event.type);
  return { kind: 'accepted', id: event.id };
}

const REFUSALS: Record<Exclude<AppendOutcome, 'appended'>, RefusalCode> = {
  busy: 'busy',
  stopping: 'stopping',
  timeout: 'not-durable',
  unavailable: 'not-durable',
  'too-large': 'too-large',
};

/** The record of `hf.events`: by entity, so that an entity's events keep their order and its keys meet in one partition. */
export function eventRecord(event: HoldfastEvent, { encoder, eventsTopic }: Pick<DoorPorts, 'encoder' | 'eventsTopic'>): OutRecord {
  const headers: Record<string, string> = {
    ce_id: event.id,
    ce_type: event.type,
    ce_source: event.source,
    'correlation-id': event.correlationid,
  };
  if (event.traceparent !== null) headers['traceparent'] = event.traceparent;
  return { topic: eventsTopic, key: event.subject, value: encoder.encode(event), headers };
}

/** What a record holds in memory, roughly: its value, and a share for key, headers and bookkeeping. */
const RECORD_OVERHEAD_BYTES = 1_024;
const recordBytes = (record: OutRecord): number => (record.value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
