import type { Fault } from '#libs/domain/src/index.js';
import { readJson, renderJson } from './decide-body.js';
import { scalarText } from './decide-values.js';

/** A CloudEvent 1.0 on Kafka, binary or structured, with its attributes as `ce_*` headers either way. */
export type ReadCloudEvent = Readonly<{
  headers: Readonly<Record<string, string>>;
  /** Extension attributes, bounded. */
  attributes: Readonly<Record<string, string>>;
  body: Buffer;
  contentType: string | null;
  dataschema: string | null;
  fault: Fault | null;
}>;

const STRUCTURED = 'application/cloudevents+json';
const CORE = new Set(['id', 'source', 'type', 'specversion', 'subject', 'time', 'dataschema', 'datacontenttype', 'data', 'data_base64']);
const EXTENSIONS_MAX = 32;
const EXTENSION_MAX_CHARS = 1_024;

export function readCloudEvent(headers: Readonly<Record<string, string>>, body: Buffer): ReadCloudEvent {
  const contentType = headers['content-type'] ?? null;
  const media = contentType?.split(';', 1)[0]!.trim().toLowerCase();
  if (media === STRUCTURED) return readStructured(body);
  const named = Object.entries(headers).flatMap(([name, value]) => (name.startsWith('ce_') ? [[name.slice(3), value] as const] : []));
  return finish({ named, body, contentType });
}

function readStructured(body: Buffer): ReadCloudEvent {
  const { value, fault } = readJson(body);
  if (fault !== null || typeof value !== 'object' || value === null || Array.isArray(value)) {
    const broken = fault ?? notOne('its body is not a JSON object');
    return { headers: {}, attributes: {}, body, contentType: STRUCTURED, dataschema: null, fault: broken };
  }
  const envelope = value as Record<string, unknown>;
  const named = Object.entries(envelope).flatMap(([name, one]) => {
    const text = scalarText(one);
    return name === 'data' || name === 'data_base64' || text === null ? [] : [[name, text] as const];
  });
  const contentType = typeof envelope['datacontenttype'] === 'string' ? envelope['datacontenttype'] : null;
  const { data, data_base64: base64 } = envelope;
  if (typeof base64 === 'string') return finish({ named, body: Buffer.from(base64, 'base64'), contentType });
  if (data === undefined) return finish({ named, body: Buffer.alloc(0), contentType });
  // Text under a content type that is not JSON is the data itself; everything else is JSON.
  const isJson = contentType === null || /[/+]json\b/i.test(contentType);
  const bytes = Buffer.from(typeof data === 'string' && !isJson ? data : renderJson(data), 'utf8');
  return finish({ named, body: bytes, contentType: contentType ?? 'application/json' });
}

function finish({
  named,
  body,
  contentType,
}: {
  named: readonly (readonly [string, string])[];
  body: Buffer;
  contentType: string | null;
}): ReadCloudEvent {
  const all = new Map(named);
  const missing = ['id', 'source', 'type', 'specversion'].filter((name) => !all.get(name));
  const extensions = named.filter(([name, value]) => !CORE.has(name) && value.length <= EXTENSION_MAX_CHARS).slice(0, EXTENSIONS_MAX);
  return {
    headers: Object.fromEntries(named.map(([name, value]) => [`ce_${name}`, value])),
    attributes: Object.fromEntries(extensions),
    body,
    contentType,
    dataschema: all.get('dataschema') ?? null,
    fault: missing.length > 0 ? notOne(`it has no ${missing.join(', ')}`) : null,
  };
}

const notOne = (why: string): Fault => ({
  pointer: '',
  code: 'not-cloudevents',
  message: `The record is not a CloudEvent: ${why}. Send the attributes as ce_ headers, or the whole as ${STRUCTURED}.`,
});
