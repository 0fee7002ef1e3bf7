import { hash } from 'node:crypto';
import { urlFiller, type DestinationConfig, type UrlTemplate } from '#libs/config/src/index.js';
import { asText, at, parseExact, type Delivery, type HoldfastEvent } from '#libs/domain/src/index.js';
import type { Signer } from '#libs/shaping/src/index.js';
import type { Rendered, Shaped } from './deliver.ports.js';
import { fillTemplate, Unfillable } from './template.js';

/** Headers that carry credentials, read anew for each request, since secrets change under way. */
export type Credentials = () => Readonly<Record<string, string>>;

type RenderConfig = Readonly<{ http: Pick<DestinationConfig['http'], 'url' | 'method' | 'headers'> & Partial<DestinationConfig['http']> }> &
  Readonly<{ unknown: Pick<DestinationConfig['unknown'], 'resolve'> }>;

/** Signs what goes out; `nowMs` is the attempt's own time. */
export type Signing = Readonly<{ sign: Signer; nowMs(): number }>;

const headerValueMaxLength = 4_096;
/** What a header may hold (RFC 9110 field-value, visible ASCII and inner blanks): no CR, no LF, nothing else that splits. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;

/** Delivery → request, as INTERFACES says of "a delivery". What cannot be rendered is a value: no repetition would help. */
export function requestRenderer(
  config: RenderConfig,
  credentials: Credentials,
  signing: Signing | null = null,
): (delivery: Delivery, shaped?: Shaped | null, of?: OfStage) => Rendered {
  const { http, unknown } = config;
  const fixed = Object.fromEntries(Object.entries(http.headers).map(([name, value]) => [name.toLowerCase(), value]));
  const pathFor = pathRenderer(http.url);
  return (delivery, shaped = null, of) => {
    const { event } = delivery;
    if (shaped?.ok === false) return shaped;
    const path = pathFor(delivery, of?.values);
    if (path === null)
      return {
        ok: false,
        code: 'url-unfillable',
        error: `a part of ${http.url.text} would be empty, . or .. for this event, or names nothing in it`,
      };
    const headers: Record<string, string> = { ...fixed, ...credentials() };
    if (shaped) headers['content-type'] = 'application/json';
    else if (event.datacontenttype !== null) headers['content-type'] = event.datacontenttype;
    headers['x-correlation-id'] = event.correlationid;
    headers['x-holdfast-event-id'] = asHeader(event.id);
    headers['x-holdfast-attempt'] = String(delivery.attempt + 1);
    headers['traceparent'] = event.traceparent ?? traceparentOf(event.correlationid);
    if (unknown.resolve === 'idempotency-key') headers['idempotency-key'] = idempotencyKey(delivery, of?.stage);
    let body = http.method === 'GET' || http.method === 'HEAD' ? null : (shaped?.body ?? event.data);
    if (of?.body !== undefined) {
      const made = templateBody(delivery, of);
      if (!made.ok) return made;
      body = made.body;
      headers['content-type'] = 'application/json';
    }
    if (signing) Object.assign(headers, signing.sign({ id: asHeader(webhookId(delivery, of?.stage)), body, nowMs: signing.nowMs() }));
    for (const name in headers) {
      const value = headers[name]!;
      if (value.length <= headerValueMaxLength && HEADER_VALUE.test(value)) continue;
      return {
        ok: false,
        code: 'header-invalid',
        error: `header ${name} would hold what no header may hold, or more than ${headerValueMaxLength} characters`,
      };
    }
    return { ok: true, request: { method: http.method, path, headers, body } };
  };
}

/** An RFC 8941 string: the same for every attempt of one delivery, another after a requeue whose last outcome was definite (rule 22). */
export const idempotencyKey = ({ id, generation }: Delivery, stage?: string): string =>
  `"${asHeader(stage === undefined ? `${id}.${generation}` : `${id}.${generation}.${stage}`).replace(/[\\"]/g, '\\$&')}"`;

/** As the idempotency key: whoever receives it may drop what it has seen, and a requeue after a refusal must not be dropped. */
const webhookId = ({ id, generation }: Delivery, stage?: string): string =>
  `${id}${generation === 0 ? '' : `_${generation}`}${stage === undefined ? '' : `_${stage}`}`;

/** A sender's own id may hold anything; percent-encoded, where a header could not hold it as it is. */
const asHeader = (value: string): string => (HEADER_VALUE.test(value) ? value : encodeURIComponent(value.toWellFormed()));

/** For an event that came without one: the same for all its attempts. */
function traceparentOf(correlationId: string): string {
  const digest = hash('sha256', correlationId);
  return `00-${digest.slice(0, 32)}-${digest.slice(32, 48)}-01`;
}

/** Of a request of a sequence: its name, what earlier ones kept, and its body as a template; undefined: the event's. */
export type OfStage = Readonly<{ stage: string; values: Readonly<Record<string, string>>; body: unknown }>;

/** JSON with the event's and earlier answers' values filled in. */
export function templateBody(
  delivery: Delivery,
  { body, values }: Pick<OfStage, 'body' | 'values'>,
): Readonly<{ ok: true; body: Buffer }> | Readonly<{ ok: false; code: string; error: string }> {
  const { id, event } = delivery;
  const known: Record<string, string | null> = { ...wordsOf(delivery), ...values };
  let read: { value: unknown } | null | undefined;
  const valueOf = (word: string): unknown => {
    if (!word.startsWith('/')) return Object.hasOwn(known, word) ? known[word] : undefined;
    read ??= parseExact(event.data.toString('utf8'));
    return read ? at(read.value, word) : undefined;
  };
  try {
    return { ok: true, body: Buffer.from(JSON.stringify(fillTemplate(body, valueOf))) };
  } catch (error) {
    if (error instanceof Unfillable) return { ok: false, code: 'body-unfillable', error: `${error.message} (delivery ${id})` };
    throw error;
  }
}

const wordsOf = ({ id, event }: Delivery) => {
  const { subject: entity, type, revision, source, correlationid } = event;
  return { entity, id: event.id, type, revision, source, correlationid, delivery: id };
};

const NONE: Readonly<Record<string, string>> = {};

/** Path and query of a template; null when it cannot be filled for a delivery. Its origin never depends on an event. */
export function pathRenderer({
  text,
  pointers,
  placeholders,
}: UrlTemplate): (delivery: Delivery, values?: Readonly<Record<string, string>>) => string | null {
  const ascii = text.replace(/\{[^{}]*\}|[^\x21-\x7e]+/gu, (part) => (part.startsWith('{') ? part : encodeURIComponent(part)));
  const originLength = /^https?:\/\/[^/?#]+/i.exec(ascii)?.[0].length ?? 0;
  const fill = urlFiller({ text: ascii });
  const looksInside = pointers.length > 0;
  const fromStages = placeholders.filter((word) => word.includes('.'));
  return (delivery, values = NONE) => {
    const { event } = delivery;
    // What an earlier request did not keep leaves no hole.
    if (fromStages.some((word) => values[word] === undefined)) return null;
    const words = wordsOf(delivery);
    const filled = fill(fromStages.length > 0 ? { ...words, ...values } : words, looksInside ? inside(event) : undefined);
    if (filled === null) return null;
    const path = filled.slice(originLength);
    return path.startsWith('/') ? path : `/${path}`;
  };
}

function inside({ data }: HoldfastEvent): (pointer: string) => string | null {
  const read = parseExact(data.toString('utf8'));
  return (pointer) => (read ? asText(at(read.value, pointer)) : null);
}

export const originOf = ({ text }: UrlTemplate): string => new URL(text.replace(/\{[^{}]*\}/g, 'x')).origin;
