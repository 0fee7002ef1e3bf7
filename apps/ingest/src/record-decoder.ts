import type { ForeignDecoder } from '#libs/contracts/src/index.js';
import type { LogRecord } from '#libs/kafka/src/index.js';
import { decideBodyKind, readBody, readJson } from './decide-body.js';
import { readCloudEvent } from './decide-cloudevent.js';
import type { DecodedRecord, RecordDecoder } from './ingest.ports.js';

export const AVRO_MEDIA_TYPE = 'application/vnd.confluent.avro';
/** Headers past these are not looked at; the record itself is copied whatever they hold. */
const HEADERS_MAX = 64;
const HEADER_VALUE_MAX_BYTES = 4_096;
const KEY_MAX_BYTES = 512;

/**
 * Reads producers' records by their format. Every record has an answer: one that cannot be read keeps its raw bytes and a fault,
 * and is judged `invalid` once it is durable. Only a registry that cannot be asked rejects.
 */
export function recordDecoder(format: 'avro' | 'json' | 'cloudevents', avro: ForeignDecoder): RecordDecoder {
  const read = { json: readJsonRecord, avro: (record: LogRecord) => readAvroRecord(record, avro), cloudevents: readCloudEventRecord }[
    format
  ];
  return { decode: async (record) => (record.value === null ? tombstone(record) : read(record)) };
}

const plain = (record: LogRecord): DecodedRecord => ({
  value: undefined,
  body: record.value ?? Buffer.alloc(0),
  headers: headersOf(record),
  contentType: null,
  dataschema: null,
  schemaversion: null,
  attributes: {},
  spareEntity: null,
  fault: null,
});

/** A record without a value says that its key is gone. The key is all there is to name the entity. */
function tombstone(record: LogRecord): DecodedRecord {
  return { ...plain(record), attributes: { tombstone: 'true' }, spareEntity: keyText(record.key) };
}

function readJsonRecord(record: LogRecord): DecodedRecord {
  return { ...plain(record), ...readJson(record.value!), contentType: 'application/json' };
}

/**
 * Avro is turned into JSON here, at the door, so that every later stage sees one kind of body; what cannot be turned stays as it
 * came. The registry's id of the writer's schema goes along as `dataschema`.
 */
async function readAvroRecord(record: LogRecord, avro: ForeignDecoder): Promise<DecodedRecord> {
  const decoded = await avro.decode(record.value!);
  if (!decoded.ok) {
    const fault = { pointer: '', code: decoded.code, message: decoded.message };
    return { ...plain(record), contentType: AVRO_MEDIA_TYPE, fault };
  }
  const { value, schemaId } = decoded;
  const body = Buffer.from(JSON.stringify(value) ?? 'null', 'utf8');
  return {
    ...plain(record),
    value,
    body,
    contentType: 'application/json',
    dataschema: `schema-registry:${schemaId}`,
    schemaversion: String(schemaId),
  };
}

function readCloudEventRecord(record: LogRecord): DecodedRecord {
  const base = plain(record);
  const { headers, attributes, body, contentType, dataschema, fault } = readCloudEvent(base.headers, base.body);
  const kind = contentType === null && body.length === 0 ? 'opaque' : (decideBodyKind(contentType ?? undefined, null) ?? 'opaque');
  const read = fault === null ? readBody(kind, body) : { value: undefined, fault };
  return {
    ...base,
    headers: { ...base.headers, ...headers },
    body,
    contentType,
    dataschema,
    attributes,
    value: read.value,
    fault: read.fault,
  };
}

function headersOf({ headers }: LogRecord): Record<string, string> {
  const out: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(headers).slice(0, HEADERS_MAX)) {
    if (value.length <= HEADER_VALUE_MAX_BYTES) out[name.toLowerCase()] = value.toString('utf8');
  }
  return out;
}

/** A key that is text is a name; a framed or binary one is not. */
function keyText(key: Buffer | null): string | null {
  if (key === null || key.length === 0 || key.length > KEY_MAX_BYTES) return null;
  const text = key.toString('utf8');
  return /[\u0000-\u001f\u007f\ufffd]/.test(text) ? null : text;
}
