import { hash } from 'node:crypto';
import { urlFiller, type DestinationConfig, type UrlTemplate } from '#libs/config/src/index.js';
import type { Delivery } from '#libs/domain/src/index.js';
import type { Rendered } from './deliver.ports.js';

/** Headers that carry credentials, read anew for each request, since secrets change under way. */
export type Credentials = () => Readonly<Record<string, string>>;

type RenderConfig = Pick<DestinationConfig, 'http'> & Readonly<{ unknown: Pick<DestinationConfig['unknown'], 'resolve'> }>;

const headerValueMaxLength = 4_096;
/** What a header may hold (RFC 9110 field-value, visible ASCII and inner blanks): no CR, no LF, nothing else that splits. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;

/** Delivery → request, as INTERFACES says of "a delivery". What cannot be rendered is a value: no repetition would help. */
export function requestRenderer(config: RenderConfig, credentials: Credentials): (delivery: Delivery) => Rendered {
  const { http, unknown } = config;
  const fixed = Object.fromEntries(Object.entries(http.headers).map(([name, value]) => [name.toLowerCase(), value]));
  const pathFor = pathRenderer(http.url);
  return (delivery) => {
    const { event } = delivery;
    const path = pathFor(delivery);
    if (path === null)
      return { ok: false, code: 'url-unfillable', error: `a part of ${http.url.text} would be empty, . or .. for this event` };
    const headers: Record<string, string> = { ...fixed, ...credentials() };
    if (event.datacontenttype !== null) headers['content-type'] = event.datacontenttype;
    headers['x-correlation-id'] = event.correlationid;
    headers['x-holdfast-event-id'] = asHeader(event.id);
    headers['x-holdfast-attempt'] = String(delivery.attempt + 1);
    headers['traceparent'] = event.traceparent ?? traceparentOf(event.correlationid);
    if (unknown.resolve === 'idempotency-key') headers['idempotency-key'] = idempotencyKey(delivery);
    for (const name in headers) {
      const value = headers[name]!;
      if (value.length <= headerValueMaxLength && HEADER_VALUE.test(value)) continue;
      return {
        ok: false,
        code: 'header-invalid',
        error: `header ${name} would hold what no header may hold, or more than ${headerValueMaxLength} characters`,
      };
    }
    return { ok: true, request: { method: http.method, path, headers, body: http.method === 'GET' ? null : event.data } };
  };
}

/** An RFC 8941 string: the same for every attempt of one delivery, another after a requeue whose last outcome was definite (rule 22). */
export const idempotencyKey = ({ id, generation }: Delivery): string => `"${asHeader(`${id}.${generation}`).replace(/[\\"]/g, '\\$&')}"`;

/** A sender's own id may hold anything; percent-encoded, where a header could not hold it as it is. */
const asHeader = (value: string): string => (HEADER_VALUE.test(value) ? value : encodeURIComponent(value.toWellFormed()));

/** For an event that came without one: the same for all its attempts. */
function traceparentOf(correlationId: string): string {
  const digest = hash('sha256', correlationId);
  return `00-${digest.slice(0, 32)}-${digest.slice(32, 48)}-01`;
}

/** Path and query of a template; null when it cannot be filled for a delivery. Its origin never depends on an event. */
export function pathRenderer({ text, placeholders }: UrlTemplate): (delivery: Delivery) => string | null {
  const ascii = text.replace(/[^\x21-\x7e]+/gu, encodeURIComponent);
  const originLength = /^https?:\/\/[^/?#]+/i.exec(ascii)?.[0].length ?? 0;
  const fill = urlFiller({ text: ascii, placeholders });
  return ({ id, event }) => {
    const { subject: entity, type, revision, source, correlationid } = event;
    const filled = fill({ entity, id: event.id, type, revision, source, correlationid, delivery: id });
    if (filled === null) return null;
    const path = filled.slice(originLength);
    return path.startsWith('/') ? path : `/${path}`;
  };
}

export const originOf = ({ text }: UrlTemplate): string => new URL(text.replace(/\{[^{}]*\}/g, 'x')).origin;
