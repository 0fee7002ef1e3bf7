import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Outcome } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { BulkSender, type BulkOptions } from './bulk-sender.js';
import type { Deadline, OutboundRequest, Sender } from './deliver.ports.js';
import { RequestLimits } from './request-limits.js';

// Goal: deliveries go out together, bounded in number, bytes, time and requests, and each has an outcome of its own: one bad item
// harms nobody else. Method: a partner in memory, and time that stands still until it is moved.
let nowMs = 0;
const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs } as Clock;
const pass = async (ms: number): Promise<void> => {
  for (let n = 0; n < ms; n++) {
    nowMs++;
    await jest.advanceTimersByTimeAsync(1);
  }
};
beforeEach(() => {
  nowMs = 1_000_000;
  jest.useFakeTimers();
});
afterEach(() => void jest.useRealTimers());

const ok: Outcome = { kind: 'responded', status: 200, retryAfterMs: null, body: null };
type Answer = (items: readonly { n: number }[], request: OutboundRequest, deadline: Deadline) => Outcome | Promise<Outcome>;

function world(answer: Answer = () => ok, over: Partial<BulkOptions> = {}) {
  const sent: { request: OutboundRequest; deadline: Deadline; numbers: number[] }[] = [];
  const inner: Sender = {
    send: async (request, deadline) => {
      const text = request.body!.toString();
      const items = (
        over.format === 'ndjson'
          ? text
              .trimEnd()
              .split('\n')
              .map((line) => JSON.parse(line) as unknown)
          : JSON.parse(text)
      ) as { n: number }[];
      sent.push({ request, deadline, numbers: items.map(({ n }) => n) });
      return answer(items, request, deadline);
    },
  };
  const bulk = new BulkSender(inner, {
    maxEvents: 4,
    maxWaitMs: 20,
    maxBytes: 1_000,
    format: 'json-array',
    key: '/n',
    results: null,
    atomic: true,
    requestsMax: 2,
    limits: new RequestLimits([], 4),
    timeoutMs: 1_000,
    signing: null,
    clock,
    ...over,
  });
  const send = (n: number, { path = '/bulk', body = `{"n":${n}}`, restMs = 1_000 } = {}): Promise<Outcome> =>
    bulk.send(
      {
        method: 'POST',
        path,
        headers: { authorization: `t${n}`, 'x-holdfast-event-id': `ev${n}`, 'idempotency-key': `k${n}` },
        body: Buffer.from(body),
      },
      { wallMs: nowMs + restMs, monotonicMs: nowMs + restMs },
    );
  return { sent, send };
}
const statusOf = (outcome: Outcome): unknown =>
  outcome.kind === 'responded' ? outcome.status : 'code' in outcome ? outcome.code : outcome.kind;

describe('BulkSender', () => {
  it('sends as many as fit at once, and the rest when the oldest has waited', async () => {
    const { sent, send } = world();
    const all = Promise.all([0, 1, 2, 3, 4, 5].map((n) => send(n)));
    expect(sent.map(({ numbers }) => numbers)).toEqual([[0, 1, 2, 3]]);
    await pass(19);
    expect(sent).toHaveLength(1);
    await pass(2);
    expect(sent.map(({ numbers }) => numbers)).toEqual([
      [0, 1, 2, 3],
      [4, 5],
    ]);
    expect((await all).map(statusOf)).toEqual([200, 200, 200, 200, 200, 200]);
  });

  it('has one set of headers: the newest credentials, no id of a single delivery', async () => {
    const { sent, send } = world();
    await Promise.all([0, 1, 2, 3].map((n) => send(n)));
    expect(sent[0]!.request.headers).toEqual({
      authorization: 't3',
      'content-type': 'application/json',
      'x-correlation-id': expect.stringMatching(/^b-[0-9a-f]{32}$/),
      'x-holdfast-batch': '4',
    });
  });

  it('is signed as a whole', async () => {
    const sign = jest.fn((_message: object) => ({ 'webhook-id': 'x' }));
    const { sent, send } = world(() => ok, { signing: { sign, nowMs: () => 7 } });
    await Promise.all([0, 1, 2, 3].map((n) => send(n)));
    expect(sign).toHaveBeenCalledTimes(1);
    expect(sign).toHaveBeenCalledWith({ id: sent[0]!.request.headers['x-correlation-id'], body: sent[0]!.request.body, nowMs: 7 });
    expect(sent[0]!.request.headers['webhook-id']).toBe('x');
  });

  it('writes one line for each under ndjson, whatever the body looks like', async () => {
    const { sent, send } = world(() => ok, { format: 'ndjson' });
    void send(0, { body: '{\r\n  "n": 0,\n  "text": "a\\nb"\n}' });
    void send(1);
    await pass(25);
    expect(sent[0]!.request.body!.toString().split('\n')).toHaveLength(3);
    expect(sent[0]!.numbers).toEqual([0, 1]);
    expect(sent[0]!.request.headers['content-type']).toBe('application/x-ndjson');
  });

  it('keeps to its bytes, its requests, and one path a request', async () => {
    const open: (() => void)[] = [];
    const { sent, send } = world(() => new Promise<Outcome>((done) => open.push(() => done(ok))), { maxBytes: 30 });
    for (const n of [0, 1, 2, 3]) void send(n, { body: `{"n":${n},"x":"1"}` });
    void send(9, { path: '/other' });
    await pass(25);
    expect(sent.map(({ numbers }) => numbers)).toEqual([[0], [1]]);
    open[0]!();
    await pass(1);
    expect(sent.map(({ numbers }) => numbers)).toEqual([[0], [1], [2]]);
    open[1]!();
    open[2]!();
    await pass(5);
    expect(sent.slice(3).map(({ request, numbers }) => [request.path, numbers])).toEqual([
      ['/bulk', [3]],
      ['/other', [9]],
    ]);
  });

  it('gives the request the earliest deadline, and sends back who has waited for half of his', async () => {
    const { sent, send } = world();
    const late = send(0, { restMs: 505 });
    const first = send(1, { restMs: 700 });
    void send(2);
    await pass(25);
    expect(await late).toEqual({ kind: 'not-sent' });
    expect(sent[0]!.numbers).toEqual([1, 2]);
    expect(sent[0]!.deadline).toEqual({ wallMs: 1_000_700, monotonicMs: 1_000_700 });
    expect(statusOf(await first)).toBe(200);
  });

  it.each([
    ['no JSON', '<a/>', 'bulk-item-not-json'],
    ['JSON without its name', '{"m":1}', 'bulk-item-unnamed'],
    ['more than a request holds', `{"n":1,"x":"${'x'.repeat(1_000)}"}`, 'bulk-item-too-large'],
  ])('%s harms nobody else', async (_name, body, code) => {
    const { sent, send } = world();
    const bad = send(0, { body });
    const good = send(1);
    await pass(25);
    expect(await bad).toMatchObject({ kind: 'unsendable', code });
    expect([statusOf(await good), sent[0]!.numbers]).toEqual([200, [1]]);
  });

  it('finds the bad one where the partner refuses the whole and names nobody', async () => {
    const { sent, send } = world((items) => (items.some(({ n }) => n === 5) ? { ...ok, status: 422 } : ok), { maxEvents: 8 });
    const all = Promise.all(Array.from({ length: 8 }, (_, n) => send(n)));
    await pass(10);
    expect((await all).map(statusOf)).toEqual([200, 200, 200, 200, 200, 422, 200, 200]);
    // 8, then 4 + 4, 2 + 2, 1 + 1.
    expect(sent).toHaveLength(7);
  });

  it('sends no refused request again where it may have taken some (atomic: false)', async () => {
    const { sent, send } = world(() => ({ ...ok, status: 422 }), { atomic: false });
    const outcomes = await Promise.all([0, 1, 2, 3].map((n) => send(n)));
    expect(outcomes.map(statusOf)).toEqual(Array(4).fill('HF_ITEM_UNTOLD'));
    expect(outcomes.every((outcome) => outcome.kind === 'unreachable' && outcome.when === 'after')).toBe(true);
    expect(sent).toHaveLength(1);
  });

  it('tells each item its own result, and counts the request once', async () => {
    const results = {
      pointer: '/r',
      names: { kind: 'id', pointer: '/id' },
      status: '/s',
      statuses: {},
      error: null,
      lists: 'all',
    } as const;
    const body = JSON.stringify({
      r: [
        { id: 0, s: 422 },
        { id: 1, s: 200 },
        { id: 3, s: 503 },
      ],
    });
    const { send } = world(() => ({ ...ok, status: 207, body }), { results });
    const outcomes = await Promise.all([0, 1, 2, 3].map((n) => send(n)));
    expect(outcomes.map(statusOf)).toEqual([422, 200, 'HF_ITEM_UNTOLD', 503]);
    expect(outcomes.map((outcome) => 'isEcho' in outcome)).toEqual([true, false, true, true]);
    expect(outcomes[2]).toMatchObject({ kind: 'unreachable', when: 'after' });
  });

  it('hands an outcome without an answer to each', async () => {
    const { send } = world(() => ({ kind: 'unreachable', when: 'after', code: 'ECONNRESET', error: 'reset' }));
    const outcomes = await Promise.all([0, 1, 2, 3].map((n) => send(n)));
    expect(outcomes.map(statusOf)).toEqual(Array(4).fill('ECONNRESET'));
    expect(outcomes.filter((outcome) => !('isEcho' in outcome))).toHaveLength(1);
  });

  it('puts no two of one name into one request', async () => {
    const { sent, send } = world();
    void send(1);
    void send(1);
    void send(2);
    await pass(25);
    expect(sent.map(({ numbers }) => numbers)).toEqual([[1], [1, 2]]);
  });
});
