import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Arrival } from './partner-arrivals.js';
import type { PartnerBooks } from './partner-books.js';
import { bearerOf, entityOf, headerOf, readBody, reply, replySlowly, textAt, type Receipt } from './partner-http.js';
import type { PartnerAnswer } from './partner-rule.js';
import type { StoredRecord } from './partner-store.js';

/** One request under way, from its body's last byte to its end. */
type Exchange = Readonly<{
  books: PartnerBooks;
  arrival: Arrival;
  answer: PartnerAnswer;
  request: IncomingMessage;
  response: ServerResponse;
  body: Buffer;
  end: () => void;
}>;

/** Reads a delivery or a lookup, asks the script, lets the effect happen, and answers, in that order. */
export async function serveExchange(books: PartnerBooks, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request, books.options.bodyMax ?? 67_108_864);
  if (body === null) return reply(response, { status: 413, body: '{"error":"too large"}', headers: {} });
  const arrival = arrivalOf(books, request, body);
  books.arrivals.open(arrival);
  const { method, path, key, eventId } = arrival;
  const bearer = bearerOf(request);
  const isKnown = books.options.bearer === undefined || (await books.options.bearer(bearer));
  const scripted = books.script.answer({ method, path, key: key ?? eventId, bearer, nowMs: Date.now() });
  const answer: PartnerAnswer = isKnown ? scripted : { ...scripted, ...stranger };
  arrival.rule = answer.rule;
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    books.arrivals.close(arrival);
    books.options.onArrival?.(arrival);
  };
  const exchange = { books, arrival, answer, request, response, body, end };
  if (method === 'GET') later(answer.latencyMs, () => finish(exchange, lookUp(exchange)));
  else if (answer.commitFirst) {
    const receipt = take(exchange);
    later(answer.latencyMs, () => finish(exchange, receipt));
  } else later(answer.latencyMs, () => finish(exchange, take(exchange)));
}

/** What whoever shows no good token gets, whatever the rules say. */
const stranger = {
  status: 401,
  commit: false,
  fault: null,
  body: null,
  headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  rule: 'bearer',
};

function later(ms: number, call: () => void): void {
  if (ms > 0) setTimeout(call, ms).unref();
  else call();
}

function arrivalOf({ options }: PartnerBooks, request: IncomingMessage, body: Buffer): Arrival {
  const url = request.url ?? '/';
  const cut = url.indexOf('?');
  const path = cut === -1 ? url : url.slice(0, cut);
  const method = request.method ?? 'POST';
  const { pointers } = options;
  const attempt = headerOf(request, 'x-holdfast-attempt');
  return {
    at: performance.timeOrigin + performance.now(),
    method,
    path,
    eventId: headerOf(request, 'x-holdfast-event-id'),
    entity: pointers?.entity !== undefined && method !== 'GET' ? textAt(body, pointers.entity) : entityOf(path),
    revision: pointers?.revision !== undefined && method !== 'GET' ? textAt(body, pointers.revision) : null,
    attempt: attempt === null ? null : Number(attempt),
    key: headerOf(request, 'idempotency-key'),
    status: null,
    end: 'open',
    stored: 0,
    rule: null,
  };
}

/** The effect, if there is one: at most once for each idempotency key, as often as asked without one. */
function take(exchange: Exchange): Receipt {
  const { books, arrival, answer, body } = exchange;
  if (!answer.commit) return refusal(answer);
  if (answer.bulk) return takeBulk(exchange, answer.bulk);
  const digest = hash('sha1', body);
  if (arrival.key !== null) {
    const found = books.keys.find(arrival.key, digest, arrival.at);
    if (found.kind === 'reused') return { status: 422, body: '{"error":"idempotency-key-reused"}', headers: {} };
    if (found.kind === 'replay') {
      arrival.end = 'replayed';
      return {
        status: answer.status,
        body: answer.body ?? receiptOf(found.seq),
        headers: { ...answer.headers, 'idempotent-replayed': 'true' },
      };
    }
  }
  const record = storeOne(exchange, arrival, { body, digest });
  if (arrival.key !== null) books.keys.remember(arrival.key, { atMs: record.at, digest, seq: record.seq });
  arrival.end = 'stored';
  arrival.stored = 1;
  return { status: answer.status, body: answer.body ?? receiptOf(record.seq), headers: answer.headers };
}

function storeOne({ books, request }: Exchange, arrival: Arrival, content: { body: Buffer; digest: string }): StoredRecord {
  const { method, path, eventId, entity, revision, attempt, key } = arrival;
  const { body, digest } = content;
  const at = performance.timeOrigin + performance.now();
  const correlationId = headerOf(request, 'x-correlation-id');
  return books.store.add(
    { at, method, path, eventId, correlationId, idempotencyKey: key, entity, revision, attempt, bytes: body.length, digest },
    body,
  );
}

function takeBulk(exchange: Exchange, { itemShare, refuse, atomic }: NonNullable<PartnerAnswer['bulk']>): Receipt {
  const { books, arrival } = exchange;
  const items = bulkItems(exchange);
  if (items === null) return { status: 400, body: '{"error":"a bulk is a JSON array, or lines of JSON"}', headers: {} };
  const read = items.map((item) => {
    const bytes = Buffer.from(JSON.stringify(item));
    const name = textAt(bytes, '/id');
    const isBad = (name !== null && refuse.includes(name)) || (itemShare > 0 && books.random() < itemShare);
    return { bytes, item: name, isBad };
  });
  if (atomic && read.some(({ isBad }) => isBad)) return { status: 422, body: '{"error":"one of them is wrong"}', headers: {} };
  const results = read.map(({ bytes, item, isBad }, index) => {
    if (isBad) return { index, item, status: 422, error: 'wrong' };
    const own = {
      ...arrival,
      eventId: item ?? arrival.eventId,
      entity: textAt(bytes, '/entity') ?? arrival.entity,
      revision: textAt(bytes, '/revision'),
    };
    return { index, item, status: 200, id: storeOne(exchange, own, { body: bytes, digest: hash('sha1', bytes) }).seq };
  });
  arrival.end = 'stored';
  arrival.stored = results.filter(({ status }) => status === 200).length;
  return { status: arrival.stored === results.length ? 200 : 207, body: JSON.stringify({ items: results }), headers: {} };
}

function bulkItems({ request, body }: Exchange): unknown[] | null {
  if (headerOf(request, 'content-type') !== 'application/x-ndjson') {
    const items = parsed(body);
    return Array.isArray(items) ? items : null;
  }
  const items = body
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => parsed(Buffer.from(line)));
  return items.includes(null) ? null : items;
}

/** What the partner knows of an entity (`?entity=` or the path's last segment) or of an external id (`?externalId=`, our event id). */
function lookUp({ books, arrival, answer, request }: Exchange): Receipt {
  if (answer.rule !== null) return refusal(answer);
  const query = new URL(request.url ?? '/', 'http://partner').searchParams;
  const externalId = query.get('externalId');
  const record =
    externalId === null ? books.store.entity(query.get('entity') ?? arrival.entity ?? '')?.record : books.store.byEvent(externalId);
  arrival.end = record ? 'found' : 'not-found';
  if (!record) return { status: 404, body: '{"error":"not found"}', headers: {} };
  const state = record.entity === null ? undefined : books.store.entity(record.entity);
  const fields = state?.record === record ? parsed(state.body) : null;
  const partner = { id: `p-${record.seq}`, entity: record.entity, revision: record.revision, eventId: record.eventId };
  const body = { ...(typeof fields === 'object' ? fields : {}), _partner: partner };
  return { status: 200, body: JSON.stringify(body), headers: {} };
}

function finish({ arrival, answer, response, end }: Exchange, receipt: Receipt): void {
  const { fault } = answer;
  if (fault === 'hang-before-commit' || fault === 'hang-after-commit') {
    // The sender gives up first; what it learns is nothing, whichever way it was.
    if (arrival.end === 'open') arrival.end = 'hung';
    if (response.destroyed) end();
    else response.on('close', end);
    return;
  }
  if (fault !== null) {
    if (arrival.end === 'open') arrival.end = 'reset';
    if (fault === 'reset-mid-body') response.writeHead(receipt.status, { 'content-length': '100000' }).write(receipt.body);
    setImmediate(() => response.socket?.resetAndDestroy());
    end();
    return;
  }
  if (arrival.end === 'open') arrival.end = 'refused';
  arrival.status = receipt.status;
  if (answer.drip || answer.bodyBytes !== null) replySlowly(response, receipt, answer);
  else reply(response, receipt);
  end();
}

const receiptOf = (seq: number): string => `{"id":"p-${seq}","status":"stored"}`;

const refusal = ({ status, body, headers }: PartnerAnswer): Receipt => ({
  status,
  body: body ?? `{"error":"simulated ${status}"}`,
  headers,
});

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    // What is not JSON is stored all the same; it only has no fields to show.
    return null;
  }
}
