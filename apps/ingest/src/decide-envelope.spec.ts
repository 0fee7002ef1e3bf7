import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readBody } from './decide-body.js';
import {
  decideEnvelope,
  ENTITY_MAX_CHARS,
  ID_MAX_CHARS,
  parseTime,
  planEnvelope,
  TYPE_MAX_CHARS,
  type Arrival,
  type EnvelopeConfig,
} from './decide-envelope.js';

// Goal: pin how an arrival becomes an envelope, its key and its faults.
// Method: one source, one body, one expectation; then properties over arbitrary bytes.
const hash = (text: string) => createHash('sha256').update(text).digest('base64url').slice(0, 24);
const pointer = (text: string) => ({ kind: 'pointer', pointer: text }) as const;
const literal = (value: string) => ({ kind: 'literal', value }) as const;
const header = (name: string) => ({ kind: 'header', name }) as const;

const orders: EnvelopeConfig = {
  name: 'erp',
  event: {
    id: null,
    type: literal('order.updated'),
    entity: pointer('/orderId'),
    revision: pointer('/version'),
    time: pointer('/changedAt'),
  },
  idempotency: { key: [{ kind: 'entity' }, { kind: 'revision' }] },
};
const github: EnvelopeConfig = {
  name: 'github',
  event: { id: header('x-github-delivery'), type: header('x-github-event'), entity: pointer('/repository/id'), revision: null, time: null },
  idempotency: { key: [{ kind: 'id' }] },
};
const bare: EnvelopeConfig = {
  name: 'bare',
  event: { id: null, type: null, entity: null, revision: null, time: null },
  idempotency: { key: [{ kind: 'id' }] },
};

function arrive(config: EnvelopeConfig, body: unknown, over: Partial<Arrival> & { headers?: Record<string, string> } = {}) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const { value, fault } = readBody('json', bytes);
  const { headers = {}, ...rest } = over;
  const arrival: Arrival = {
    place: { value, header: (name) => headers[name] },
    body: bytes,
    fault,
    contentType: 'application/json',
    correlationId: 'corr-0001',
    traceparent: null,
    spareId: 'spare-1',
    spareEntity: null,
    receivedAtMs: 1_000,
    origin: null,
    dataschema: null,
    schemaversion: null,
    attributes: {},
    ...rest,
  };
  return decideEnvelope(planEnvelope(config), arrival, hash);
}

describe('the envelope', () => {
  it('takes its values from pointers, headers and literals, and keeps the body', () => {
    const body = Buffer.from(' {"orderId": 7, "version": 3, "changedAt": "2026-01-02T03:04:05Z"} ');
    expect(arrive(orders, body)).toEqual({
      id: 'spare-1',
      source: 'erp',
      type: 'order.updated',
      subject: '7',
      time: Date.UTC(2026, 0, 2, 3, 4, 5),
      datacontenttype: 'application/json',
      dataschema: null,
      data: body,
      correlationid: 'corr-0001',
      traceparent: null,
      revision: '3',
      schemaversion: null,
      receivedat: 1_000,
      idempotencykey: hash(JSON.stringify(['order.updated', '7', 'entity', '7', 'revision', '3'])),
      origin: null,
      attributes: {},
      faults: [],
    });
    const event = arrive(github, { repository: { id: 42 } }, { headers: { 'x-github-delivery': 'd-1', 'x-github-event': 'push' } });
    expect(event).toMatchObject({ id: 'd-1', type: 'push', subject: '42', faults: [] });
  });

  it('has the event id for an entity where there is none', () => {
    const event = arrive(github, {}, { headers: { 'x-github-delivery': 'd-1', 'x-github-event': 'push' } });
    expect(event).toMatchObject({ id: 'd-1', subject: 'd-1', faults: [] });
  });

  it('tells a missing type, and nothing else, when nothing is configured', () => {
    const event = arrive(bare, {});
    expect(event).toMatchObject({ id: 'spare-1', type: '', subject: 'spare-1' });
    expect(event.faults.map(({ code }) => code)).toEqual(['missing-type']);
    expect(event.faults[0]!.message).toContain('event.type');
  });

  it('keeps a body that is not JSON, and tells only that', () => {
    const event = arrive({ ...orders, event: { ...orders.event, type: pointer('/type') } }, '{"orderId": ');
    expect(event.data.toString()).toBe('{"orderId": ');
    expect(event.faults.map(({ code, pointer: where }) => [code, where])).toEqual([['malformed-json', '']]);
  });

  it('bounds every name', () => {
    const long = (chars: number) => 'x'.repeat(chars);
    const config = { ...orders, event: { ...orders.event, id: pointer('/id'), type: pointer('/type') } };
    const good = { id: long(ID_MAX_CHARS), type: long(TYPE_MAX_CHARS), orderId: long(ENTITY_MAX_CHARS), version: 1 };
    expect(arrive(config, good).faults).toEqual([]);
    for (const name of ['id', 'type', 'orderId'] as const) {
      const event = arrive(config, { ...good, [name]: `${good[name]}x` });
      expect(event.faults.map(({ code, pointer: where }) => [code, where])).toEqual([['too-long', `/${name}`]]);
    }
  });

  it('leaves out a time that cannot be read', () => {
    expect(arrive(orders, { orderId: 1, version: 1, changedAt: 'soon' })).toMatchObject({ time: null, faults: [] });
  });
});

describe('the key', () => {
  const key = (config: EnvelopeConfig, body: unknown, over: Parameters<typeof arrive>[2] = {}) => arrive(config, body, over).idempotencykey;
  const with_ = (parts: EnvelopeConfig['idempotency']['key'], event: Partial<EnvelopeConfig['event']> = {}): EnvelopeConfig => ({
    ...orders,
    event: { ...orders.event, ...event },
    idempotency: { key: parts },
  });

  it('is the same for the same change on two ways, wherever its values stand', () => {
    const webhook: EnvelopeConfig = {
      name: 'hook',
      event: { id: null, type: header('x-type'), entity: pointer('/order/number'), revision: pointer('/rev'), time: null },
      idempotency: { key: [{ kind: 'revision' }, { kind: 'entity' }] },
    };
    const byHook = key(webhook, { order: { number: '7' }, rev: '3' }, { headers: { 'x-type': 'order.updated' }, spareId: 'other' });
    expect(byHook).toBe(key(orders, { orderId: 7, version: 3.0 }));
  });

  it('differs by type, entity and revision', () => {
    const keys = [
      key(orders, { orderId: 7, version: 3 }),
      key(orders, { orderId: 7, version: 4 }),
      key(orders, { orderId: 8, version: 3 }),
      key({ ...orders, event: { ...orders.event, type: literal('order.deleted') } }, { orderId: 7, version: 3 }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('does not confuse an id with a revision', () => {
    const byId = key(with_([{ kind: 'id' }], { id: pointer('/id') }), { orderId: 7, id: '3' });
    expect(byId).not.toBe(key(with_([{ kind: 'revision' }]), { orderId: 7, version: '3' }));
  });

  it('is of 128 bits or more, base64url', () => {
    expect(key(orders, { orderId: 7, version: 3 })).toMatch(/^[A-Za-z0-9_-]{22,}$/);
  });

  it('falls back to the own id where a part finds nothing, and says so', () => {
    const first = arrive(orders, { orderId: 7 }, { spareId: 'one' });
    const second = arrive(orders, { orderId: 7 }, { spareId: 'two' });
    expect(first.idempotencykey).not.toBe(second.idempotencykey);
    expect(first).toMatchObject({ attributes: { keyfallback: 'revision' }, faults: [], subject: '7' });
    const byPointer = with_([{ kind: 'entity' }, { kind: 'pointer', pointer: '/seq' }]);
    expect(arrive(byPointer, { orderId: 7 }).attributes).toEqual({ keyfallback: '/seq' });
  });

  it('digests chosen fields, whatever their order and the rest', () => {
    const config = with_([{ kind: 'digest', pointers: ['/state', '/lines'] }]);
    const one = { orderId: 7, state: 'open', lines: [{ sku: 'a', n: 1 }], sentAt: 1 };
    const same = { sentAt: 2, lines: [{ n: 1.0, sku: 'a' }], state: 'open', orderId: 7, id: 'new' };
    expect(key(config, one)).toBe(key(config, same));
    expect(key(config, one)).not.toBe(key(config, { ...one, state: 'closed' }));
    expect(key(config, one)).not.toBe(key(config, { ...one, orderId: 8 }));
    expect(key(config, { ...one, lines: undefined })).not.toBe(key(config, { ...one, lines: null }));
  });

  it('is the entity too where a digest alone names the event, so that equal content meets in one partition', () => {
    const config: EnvelopeConfig = {
      ...bare,
      event: { ...bare.event, type: literal('ping') },
      idempotency: { key: [{ kind: 'digest', pointers: [] }] },
    };
    const first = arrive(config, { a: 1 }, { spareId: 'one' });
    const second = arrive(config, { a: 1.0 }, { spareId: 'two' });
    expect(first.subject).toBe(first.idempotencykey);
    expect(second).toMatchObject({ id: 'two', subject: first.subject, idempotencykey: first.idempotencykey });
  });

  it('of a faulty event is apart from that of the good event under its id', () => {
    const config = with_([{ kind: 'id' }], { id: header('x-id') });
    const faulty = arrive(config, '{', { headers: { 'x-id': 'd-1' } });
    const mended = arrive(config, { orderId: 7, version: 1 }, { headers: { 'x-id': 'd-1' } });
    expect(faulty.id).toBe(mended.id);
    expect(faulty.idempotencykey).not.toBe(mended.idempotencykey);
  });
});

describe('over arbitrary arrivals', () => {
  const value = fc.oneof(fc.constant(undefined), fc.string(), fc.string({ unit: 'binary' }), fc.double(), fc.jsonValue());
  const arbitraryBody = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.record({ orderId: value, version: value, changedAt: value, type: value }).map((body) => Buffer.from(JSON.stringify(body))),
  );
  const configs = [orders, github, bare, { ...orders, event: { ...orders.event, type: pointer('/type'), id: pointer('/version') } }];

  it('never throws; names are bounded and printable; a good event has a type; the body is untouched', () => {
    fc.assert(
      fc.property(arbitraryBody, fc.constantFrom(...configs), fc.string({ unit: 'binary' }), (body, config, text) => {
        const event = arrive(config, body, { headers: { 'x-github-event': text, 'x-github-delivery': text } });
        expect(event.data).toBe(body);
        for (const name of [event.id, event.type, event.subject]) expect(name).toMatch(/^[^\u0000-\u001f\u007f]*$/);
        expect(event.id.length).toBeGreaterThan(0);
        expect(event.subject.length).toBeGreaterThan(0);
        expect(event.subject.length).toBeLessThanOrEqual(ENTITY_MAX_CHARS);
        if (event.faults.length === 0) expect(event.type).not.toBe('');
        expect(arrive(config, body, { headers: { 'x-github-event': text, 'x-github-delivery': text } })).toEqual(event);
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseTime', () => {
  const rows: [text: string | null, ms: number | null][] = [
    ['2026-01-02T03:04:05.678Z', Date.UTC(2026, 0, 2, 3, 4, 5, 678)],
    ['2026-01-02T03:04:05+02:00', Date.UTC(2026, 0, 2, 1, 4, 5)],
    ['2026-01-02T03:04:05', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['1767323045', 1_767_323_045_000],
    ['1767323045.5', 1_767_323_045_500],
    ['1767323045678', 1_767_323_045_678],
    ['99999999999999999999', null],
    ['tomorrow', null],
    ['', null],
    [null, null],
  ];
  for (const [text, ms] of rows) it(`${text} is ${ms}`, () => expect(parseTime(text)).toBe(ms));
});
