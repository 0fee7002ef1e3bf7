import type { Fault, HoldfastEvent } from '#libs/domain/src/index.js';
import { decideKey, faultyKey, planKey, type Hash, type KeyPart, type KeyPlan, type Named } from './decide-key.js';
import { planValue, readText, whereOf, type Place, type ValueFrom, type ValuePlan } from './decide-values.js';

/** How a source's events are named; made once from its configuration. */
export type EnvelopePlan = Readonly<{
  source: string;
  id: ValuePlan | null;
  type: ValuePlan | null;
  entity: ValuePlan | null;
  revision: ValuePlan | null;
  time: ValuePlan | null;
  schemaVersion: ValuePlan | null;
  key: KeyPlan;
}>;

/** As libs/config gives it. */
export type EnvelopeConfig = Readonly<{
  name: string;
  event: Readonly<Record<'id' | 'type' | 'entity' | 'revision' | 'time', ValueFrom | null>> &
    Readonly<{ schemaVersion?: ValueFrom | null }>;
  idempotency: Readonly<{ key: readonly KeyPart[] }>;
}>;

export type Arrival = Readonly<{
  /** Decoded body and headers. */
  place: Place;
  body: Buffer;
  /** Why the body could not be decoded; null when it could. */
  fault: Fault | null;
  contentType: string | null;
  correlationId: string;
  traceparent: string | null;
  /** Used where the sender names no id: random for a webhook, by position for a producer's record (rule 11). */
  spareId: string;
  /** The entity where the configuration finds none; null: the event's id. */
  spareEntity: string | null;
  receivedAtMs: number;
  origin: string | null;
  dataschema: string | null;
  schemaversion: string | null;
  attributes: Readonly<Record<string, string>>;
}>;

/** Bounds of what is taken out of a body or header, in characters. The record's key, headers and columns are made of these. */
export const ID_MAX_CHARS = 256;
export const TYPE_MAX_CHARS = 256;
export const ENTITY_MAX_CHARS = 512;
export const REVISION_MAX_CHARS = 128;
const TIME_MAX_CHARS = 64;
const VERSION_MAX_CHARS = 64;
/** Smaller numbers are seconds since the epoch, larger ones milliseconds: 1e11 s is the year 5138, 1e11 ms is 1973. */
const SECONDS_MAX = 1e11;
const TIME_MAX_MS = 8.64e15;

export function planEnvelope({ name, event, idempotency }: EnvelopeConfig): EnvelopePlan {
  const plan = (from: ValueFrom | null): ValuePlan | null => (from === null ? null : planValue(from));
  return {
    source: name,
    id: plan(event.id),
    type: plan(event.type),
    entity: plan(event.entity),
    revision: plan(event.revision),
    time: plan(event.time),
    schemaVersion: plan(event.schemaVersion ?? null),
    key: planKey(idempotency.key),
  };
}

/**
 * Makes the envelope of `hf.events`. Total: every arrival has one, whatever its bytes are; what is wrong with it stands in
 * `faults` and is judged by dedupe once it is durable.
 */
export function decideEnvelope(plan: EnvelopePlan, arrival: Arrival, hash: Hash): HoldfastEvent {
  const { place } = arrival;
  const faults: Fault[] = arrival.fault === null ? [] : [arrival.fault];
  const read = (from: ValuePlan | null, name: string, maxChars: number): string | null => {
    const { text, fault } = readText(from, place, { name, maxChars });
    if (fault !== null) faults.push(fault);
    return text;
  };
  const id = read(plan.id, 'id', ID_MAX_CHARS);
  const type = read(plan.type, 'type', TYPE_MAX_CHARS);
  const entity = read(plan.entity, 'entity', ENTITY_MAX_CHARS) ?? arrival.spareEntity;
  const revision = read(plan.revision, 'revision', REVISION_MAX_CHARS);
  // An undecodable body has told its fault already; that its type is not to be found only follows from it.
  if (type === null && faults.length === 0) faults.push(missingType(plan.type));
  const schemaversion = readText(plan.schemaVersion, place, { name: 'schemaVersion', maxChars: VERSION_MAX_CHARS }).text;
  const timeMs = parseTime(readText(plan.time, place, { name: 'time', maxChars: TIME_MAX_CHARS }).text);

  const named: Named = { id: id ?? arrival.spareId, type: type ?? '', entity, revision, timeMs };
  const decided = faults.length > 0 ? { ...faultyKey(named, plan.source, hash), fallback: null } : decideKey(plan.key, named, place, hash);
  return {
    id: named.id,
    source: plan.source,
    type: named.type,
    subject: decided.subject,
    time: timeMs,
    datacontenttype: arrival.contentType,
    dataschema: arrival.dataschema,
    data: arrival.body,
    correlationid: arrival.correlationId,
    traceparent: arrival.traceparent,
    revision,
    schemaversion: schemaversion ?? arrival.schemaversion,
    receivedat: arrival.receivedAtMs,
    idempotencykey: decided.key,
    origin: arrival.origin,
    attributes: decided.fallback === null ? { ...arrival.attributes } : { ...arrival.attributes, keyfallback: decided.fallback },
    faults,
  };
}

function missingType(from: ValuePlan | null): Fault {
  const message =
    from === null
      ? 'The source is configured without a type. Set event.type of this source to a pointer, a header or a literal.'
      : `There is no event type ${whereOf(from)}. Send one there, or correct event.type of this source.`;
  return { pointer: from?.kind === 'pointer' ? from.pointer : '', code: 'missing-type', message };
}

/** A date as text, or a number since the epoch in seconds or milliseconds. What cannot be read is no time: it decides nothing. */
export function parseTime(text: string | null): number | null {
  if (text === null) return null;
  const number = /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : NaN;
  // A date without a zone would mean another instant on every machine: it counts as UTC.
  const zoneless = /^\d{4}-\d\d-\d\dT[\d:.]+$/.test(text);
  const ms = Number.isNaN(number)
    ? Date.parse(zoneless ? `${text}Z` : text)
    : Math.abs(number) < SECONDS_MAX
      ? Math.round(number * 1_000)
      : Math.round(number);
  return Number.isNaN(ms) || Math.abs(ms) > TIME_MAX_MS ? null : ms;
}
