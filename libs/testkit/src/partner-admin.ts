import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { PartnerBooks } from './partner-books.js';
import { readBody, reply } from './partner-http.js';

const idempotencySchema = z
  .strictObject({ enabled: z.boolean(), validForMs: z.number().positive(), keysMax: z.number().int().positive() })
  .partial();

/** Records in one answer of `/_sim/stored`. */
const PAGE_MAX = 10_000;

/**
 * The partner's remote control.
 *
 * | request                                                | answer                                                                 |
 * | ------------------------------------------------------ | ---------------------------------------------------------------------- |
 * | GET /_sim/stats                                        | all counters                                                           |
 * | GET /_sim/stored?event=&entity=&key=&after=SEQ&limit=  | `{items, nextAfter}`, in the order of storing                          |
 * | GET /_sim/doubles                                      | `{items: [{key, count}]}`: what took effect more than once             |
 * | GET /_sim/arrivals?event=&limit=                       | the newest requests, those without effect included                     |
 * | GET, PUT, POST, DELETE /_sim/rules                     | list, replace (an array), add (one or an array), remove all            |
 * | PUT /_sim/idempotency                                  | `{enabled?, validForMs?, keysMax?}`                                    |
 * | POST /_sim/reset                                       | forgets records, keys and counters; the rules stay                     |
 */
export async function handleAdmin(partner: PartnerBooks, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://partner');
  const body = await readBody(request, 1_048_576);
  const call = `${request.method} ${url.pathname}`;
  try {
    const answer = route(partner, call, url.searchParams, body);
    if (answer === null) reply(response, { status: 404, body: JSON.stringify({ error: `no such call: ${call}` }), headers: {} });
    else reply(response, { status: 200, body: JSON.stringify(answer), headers: {} });
  } catch (error) {
    reply(response, { status: 400, body: JSON.stringify({ error: error instanceof Error ? error.message : String(error) }), headers: {} });
  }
}

function route(partner: PartnerBooks, call: string, query: URLSearchParams, body: Buffer | null): object | null {
  const json = (): unknown => JSON.parse(body?.toString() ?? 'null');
  switch (call) {
    case 'GET /_sim/stats':
      return partner.stats();
    case 'GET /_sim/stored':
      return stored(partner, query);
    case 'GET /_sim/doubles':
      return { items: partner.doubles() };
    case 'GET /_sim/arrivals':
      return { items: arrivals(partner, query) };
    case 'GET /_sim/rules':
      return partner.rules();
    case 'PUT /_sim/rules':
      partner.setRules(z.array(z.unknown()).parse(json()));
      return partner.rules();
    case 'POST /_sim/rules':
      for (const rule of [json()].flat()) partner.addRule(rule);
      return partner.rules();
    case 'DELETE /_sim/rules':
      partner.setRules([]);
      return [];
    case 'PUT /_sim/idempotency': {
      const { enabled, validForMs, keysMax } = idempotencySchema.parse(json());
      partner.keys.configure({
        ...(enabled === undefined ? {} : { enabled }),
        ...(validForMs === undefined ? {} : { validForMs }),
        ...(keysMax === undefined ? {} : { keysMax }),
      });
      return partner.keys.current();
    }
    case 'POST /_sim/reset':
      partner.reset();
      return partner.stats();
    default:
      return null;
  }
}

function limitOf(query: URLSearchParams, ifAbsent: number): number {
  const limit = Number(query.get('limit') ?? ifAbsent);
  if (!Number.isInteger(limit) || limit < 1) throw new RangeError('limit must be a whole number above 0');
  return Math.min(limit, PAGE_MAX);
}

function stored(partner: PartnerBooks, query: URLSearchParams): object {
  const limit = limitOf(query, 1_000);
  const after = Number(query.get('after') ?? 0);
  const event = query.get('event');
  const entity = query.get('entity');
  const key = query.get('key');
  const items = [];
  for (const record of partner.store.all()) {
    if (record.seq <= after) continue;
    if ((event !== null && record.eventId !== event) || (entity !== null && record.entity !== entity)) continue;
    if (key !== null && record.idempotencyKey !== key) continue;
    items.push(record);
    if (items.length === limit) break;
  }
  return { items, nextAfter: items.length === limit ? items.at(-1)!.seq : null };
}

function arrivals(partner: PartnerBooks, query: URLSearchParams): unknown[] {
  const event = query.get('event');
  const limit = limitOf(query, 100);
  return (event === null ? partner.arrivals.newest(limit) : partner.arrivals.of(event)).slice(-limit);
}
