import { hash } from 'node:crypto';
import type { Outcome } from '#libs/delivery/src/index.js';
import { asText, at, parseExact } from '#libs/domain/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { decideBulkAnswer, type BulkResults, type ItemAnswer } from './decide-bulk-answer.js';
import type { Deadline, OutboundRequest, Sender } from './deliver.ports.js';
import type { Signing } from './render-request.js';
import type { RequestLimits } from './request-limits.js';

export type BulkOptions = Readonly<{
  maxEvents: number;
  maxWaitMs: number;
  /** Of a request's body. */
  maxBytes: number;
  format: 'json-array' | 'ndjson';
  /** Pointer into an item to what names it; null: its items have no name. */
  key: string | null;
  results: BulkResults | null;
  /** A refused request took nothing: it may go again. */
  atomic: boolean;
  /** Requests under way at a time. */
  requestsMax: number;
  /** What else a request may have to wait for, such as its rate. */
  limits: Pick<RequestLimits, 'begin' | 'end' | 'changed'>;
  timeoutMs: number;
  signing: Signing | null;
  clock: Clock;
}>;

type Item = Readonly<{
  request: OutboundRequest;
  body: Buffer;
  key: string | null;
  deadline: Deadline;
  sinceMs: number;
  tell(outcome: Outcome): void;
}>;

/** Headers of one delivery, which a request of many cannot have. */
const OF_ONE = ['x-correlation-id', 'x-holdfast-event-id', 'x-holdfast-attempt', 'traceparent', 'idempotency-key', 'content-type'];

/**
 * Collects deliveries into one request, and hands each its own outcome. Each keeps its own claim: it waits here inside its slot, so
 * that a slot is one event of one request, and `maxInFlight` requests of `maxEvents` make the capacity of the gate.
 *
 * | an item is | entered by                              | left by                                                    |
 * | ---------- | --------------------------------------- | ---------------------------------------------------------- |
 * | collected  | `send`                                  | a request, when there are enough or the oldest has waited   |
 * | sent       | a free request, and what it costs       | its outcome                                                 |
 * | to go again| a refusal that did not look at it       | a request of half as many: in the end the bad one is alone  |
 *
 * The earliest deadline in a request is the request's. So that it does not cut the others short, an item that has waited for
 * half of its time is answered `not-sent` and comes again with a new deadline.
 */
export class BulkSender implements Sender {
  /** By method and path: one request has one of each. In the order of their first item. */
  private readonly collected = new Map<string, Item[]>();
  private readonly again: { items: Item[]; untilMs: number }[] = [];
  private underWay = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly inner: Sender,
    private readonly options: BulkOptions,
  ) {
    options.limits.changed(() => this.look());
  }

  send(request: OutboundRequest, deadline: Deadline): Promise<Outcome> {
    const read = this.read(request);
    if (!read.ok) return Promise.resolve({ kind: 'unsendable', code: read.code, error: read.error });
    return new Promise((tell) => {
      const item: Item = { request, body: read.body, key: read.key, deadline, sinceMs: this.options.clock.monotonicMs(), tell };
      const group = `${request.method} ${request.path}`;
      const waiting = this.collected.get(group);
      if (waiting) waiting.push(item);
      else this.collected.set(group, [item]);
      this.look();
    });
  }

  /** A body that is no JSON, or no single line, would spoil the request of all the others. */
  private read({ body }: OutboundRequest): { ok: true; body: Buffer; key: string | null } | { ok: false; code: string; error: string } {
    const { maxBytes, key, format } = this.options;
    const bytes = body ?? Buffer.alloc(0);
    if (bytes.length + 2 > maxBytes)
      return { ok: false, code: 'bulk-item-too-large', error: `the body has ${bytes.length} bytes, over batch.maxBytes (${maxBytes})` };
    const json = parseExact(bytes.toString('utf8'));
    if (!json) return { ok: false, code: 'bulk-item-not-json', error: 'the body is not JSON, and cannot stand in a bulk request' };
    const name = key === null ? null : asText(at(json.value, key));
    if (key !== null && name === null)
      return { ok: false, code: 'bulk-item-unnamed', error: `the body has no text or number at ${key} (batch.key)` };
    return { ok: true, body: format === 'ndjson' ? oneLine(bytes) : bytes, key: name };
  }

  /** Sends what is due while requests may be sent, and sleeps until the next is, or until one has waited too long. */
  private look(): void {
    const { clock, maxWaitMs } = this.options;
    const nowMs = clock.monotonicMs();
    let nextMs = this.lookAgain(nowMs);
    for (const [group, waiting] of this.collected) {
      this.expire(waiting, nowMs);
      while (this.isDue(waiting, nowMs) && this.begin()) {
        void this.dispatch(this.cut(waiting, nowMs));
        this.expire(waiting, nowMs);
      }
      const first = waiting[0];
      if (!first) this.collected.delete(group);
      else nextMs = Math.min(nextMs, this.isDue(waiting, nowMs) ? this.staleAtMs(first) : first.sinceMs + maxWaitMs);
    }
    if (this.timer) clearTimeout(this.timer);
    this.timer = nextMs === Infinity ? null : setTimeout(() => this.look(), Math.max(1, nextMs - nowMs));
  }

  /** Those that go again are before all others. Answers until when the first of them can wait. */
  private lookAgain(nowMs: number): number {
    for (let first = this.again[0]; first; first = this.again[0]) {
      if (nowMs >= first.untilMs) first.items.forEach((item) => item.tell({ kind: 'not-sent' }));
      else if (this.begin()) void this.dispatch(first.items);
      else return first.untilMs;
      this.again.shift();
    }
    return Infinity;
  }

  /** Whoever answers true has to be sent. */
  private begin(): boolean {
    return this.underWay < this.options.requestsMax && this.options.limits.begin();
  }

  private expire(waiting: Item[], nowMs: number): void {
    while (waiting[0] && nowMs >= this.staleAtMs(waiting[0])) waiting.shift()!.tell({ kind: 'not-sent' });
  }

  private staleAtMs({ deadline }: Item): number {
    return deadline.monotonicMs - this.options.timeoutMs / 2;
  }

  private isDue(waiting: readonly Item[], nowMs: number): boolean {
    const [first] = waiting;
    return first !== undefined && (waiting.length >= this.options.maxEvents || nowMs >= first.sinceMs + this.options.maxWaitMs);
  }

  private cut(waiting: Item[], nowMs: number): Item[] {
    const { maxEvents, maxBytes } = this.options;
    const batch: Item[] = [];
    const names = new Set<string>();
    let bytes = 2;
    let taken = 0;
    for (; taken < waiting.length && batch.length < maxEvents; taken++) {
      const item = waiting[taken]!;
      if (nowMs >= this.staleAtMs(item)) {
        item.tell({ kind: 'not-sent' });
        continue;
      }
      // Two of one name in one request could not be told apart in its answer.
      if (batch.length > 0 && (bytes + item.body.length + 1 > maxBytes || (item.key !== null && names.has(item.key)))) break;
      if (item.key !== null) names.add(item.key);
      bytes += item.body.length + 1;
      batch.push(item);
    }
    waiting.splice(0, taken);
    return batch;
  }

  private async dispatch(batch: Item[]): Promise<void> {
    this.underWay++;
    const wallMs = batch.reduce((least, { deadline }) => Math.min(least, deadline.wallMs), Infinity);
    const outcome = await this.inner.send(this.compose(batch), { wallMs, monotonicMs: earliest(batch) });
    this.underWay--;
    this.options.limits.end();
    this.settle(batch, outcome);
    this.look();
  }

  private compose(batch: readonly Item[]): OutboundRequest {
    const { format, signing } = this.options;
    const body = format === 'ndjson' ? lines(batch) : array(batch);
    // The newest has the newest credentials.
    const { request } = batch.at(-1)!;
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !OF_ONE.includes(name)));
    const id = `b-${hash('sha256', batch.map((item) => item.request.headers['x-holdfast-event-id'] ?? '').join('\n')).slice(0, 32)}`;
    headers['content-type'] = format === 'ndjson' ? 'application/x-ndjson' : 'application/json';
    headers['x-correlation-id'] = id;
    headers['x-holdfast-batch'] = String(batch.length);
    if (signing) Object.assign(headers, signing.sign({ id, body, nowMs: signing.nowMs() }));
    return { method: request.method, path: request.path, headers, body };
  }

  private settle(batch: readonly Item[], outcome: Outcome): void {
    if (outcome.kind !== 'responded') return batch.forEach((item, n) => item.tell(n === 0 ? outcome : echo(outcome)));
    const answers = decideBulkAnswer(
      outcome,
      batch.map(({ key }) => key),
      this.options,
    );
    const outcomes = answers.map((answer) => outcomeOf(answer, outcome));
    // What the valves learn of the request is its best item's: one bad item is not an outage.
    const told = Math.max(
      0,
      outcomes.findIndex((one) => one?.kind === 'responded' && one.status < 400),
    );
    const left: Item[] = [];
    batch.forEach((item, n) => {
      const one = outcomes[n]!;
      if (one === null) left.push(item);
      else item.tell(n === told ? one : echo(one));
    });
    if (left.length === 0) return;
    // Where the answer named somebody, the others are looked at anew together; where it named nobody, in halves.
    const parts = left.length < batch.length ? 1 : 2;
    const size = Math.ceil(left.length / parts);
    for (const items of [left.slice(0, size), left.slice(size)]) if (items.length > 0) this.again.push({ items, untilMs: earliest(items) });
  }
}

type Responded = Extract<Outcome, { kind: 'responded' }>;

/** Null: it goes again. */
function outcomeOf(answer: ItemAnswer, whole: Responded): Outcome | null {
  switch (answer.kind) {
    case 'as-a-whole':
      return whole;
    case 'answered':
      return { ...whole, status: answer.status, body: answer.body };
    case 'untold':
      return { kind: 'unreachable', when: 'after', code: 'HF_ITEM_UNTOLD', error: answer.why };
    case 'again':
      return null;
  }
}

const echo = (outcome: Outcome): Outcome => (outcome.kind === 'not-sent' ? outcome : { ...outcome, isEcho: true });

const earliest = (items: readonly Item[]): number => items.reduce((least, { deadline }) => Math.min(least, deadline.monotonicMs), Infinity);

/** A line break in JSON stands between tokens only: inside a text it is escaped. */
function oneLine(bytes: Buffer): Buffer {
  if (!bytes.includes(0x0a) && !bytes.includes(0x0d)) return bytes;
  return Buffer.from(bytes.map((byte) => (byte === 0x0a || byte === 0x0d ? 0x20 : byte)));
}

const lines = (batch: readonly Item[]): Buffer => Buffer.concat(batch.flatMap(({ body }) => [body, NEWLINE]));
const array = (batch: readonly Item[]): Buffer =>
  Buffer.concat([OPEN, ...batch.flatMap(({ body }, n) => (n === 0 ? [body] : [COMMA, body])), CLOSE]);
const [NEWLINE, OPEN, COMMA, CLOSE] = ['\n', '[', ',', ']'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer, Buffer];
