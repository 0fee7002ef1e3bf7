import { hash } from 'node:crypto';
import { urlFiller, type DestinationConfig, type UrlTemplate } from '#libs/config/src/index.js';
import { asText, at, parseExact, type Delivery, type HoldfastEvent } from '#libs/domain/src/index.js';
import type { Signer } from '#libs/shaping/src/index.js';
import type { Rendered, Shaped } from './deliver.ports.js';

/** Headers that carry credentials, read anew for each request, since secrets change under way. */
export type Credentials = () => Readonly<Record<string, string>>;

type RenderConfig = Pick<DestinationConfig, 'http'> & Readonly<{ unknown: Pick<DestinationConfig['unknown'], 'resolve'> }>;

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
): (delivery: Delivery, shaped?: Shaped | null) => Rendered {
  const { http, unknown } = config;
  const fixed = Object.fromEntries(Object.entries(http.headers).map(([name, value]) => [name.toLowerCase(), value]));
  const pathFor = pathRenderer(http.url);
  return (delivery, shaped = null) => {
    const { event } = delivery;
    if (shaped?.ok === false) return shaped;
    const path = pathFor(delivery);
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
    if (unknown.resolve === 'idempotency-key') headers['idempotency-key'] = idempotencyKey(delivery);
    const body = http.method === 'GET' ? null : (shaped?.body ?? event.data);
    if (signing) Object.assign(headers, signing.sign({ id: asHeader(webhookId(delivery)), body, nowMs: signing.nowMs() }));
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
export const idempotencyKey = ({ id, generation }: Delivery): string => `"${asHeader(`${id}.${generation}`).replace(/[\\"]/g, '\\$&')}"`;

/** As the idempotency key: whoever receives it may drop what it has seen, and a requeue after a refusal must not be dropped. */
const webhookId = ({ id, generation }: Delivery): string => (generation === 0 ? id : `${id}_${generation}`);

/** A sender's own id may hold anything; percent-encoded, where a header could not hold it as it is. */
const asHeader = (value: string): string => (HEADER_VALUE.test(value) ? value : encodeURIComponent(value.toWellFormed()));

/** For an event that came without one: the same for all its attempts. */
function traceparentOf(correlationId: string): string {
  const digest = hash('sha256', correlationId);
  return `00-${digest.slice(0, 32)}-${digest.slice(32, 48)}-01`;
}

/** Path and query of a template; null when it cannot be filled for a delivery. Its origin never depends on an event. */
export function pathRenderer({ text, pointers }: UrlTemplate): (delivery: Delivery) => string | null {
  const ascii = text.replace(/\{[^{}]*\}|[^\x21-\x7e]+/gu, (part) => (part.startsWith('{') ? part : encodeURIComponent(part)));
  const originLength = /^https?:\/\/[^/?#]+/i.exec(ascii)?.[0].length ?? 0;
  const fill = urlFiller({ text: ascii });
  const looksInside = pointers.length > 0;
  return ({ id, event }) => {
    const { subject: entity, type, revision, source, correlationid } = event;
    const filled = fill(
      { entity, id: event.id, type, revision, source, correlationid, delivery: id },
      looksInside ? inside(event) : undefined,
    );
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
