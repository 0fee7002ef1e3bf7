import { describe, expect, it } from '@jest/globals';
import { urlTemplate } from '#libs/config/src/index.js';
import { idempotencyKey, originOf, requestRenderer } from './render-request.js';
import { testDelivery } from './testing/deliver.world.js';

// Goal: the request is what INTERFACES promises of "a delivery", and nothing an event holds reaches beyond its place.
const renderer = (
  url: string,
  over: { method?: 'POST' | 'GET'; headers?: Record<string, string>; resolve?: 'idempotency-key' | 'resend' } = {},
) =>
  requestRenderer(
    {
      http: { url: urlTemplate(url), method: over.method ?? 'POST', headers: over.headers ?? {}, timeoutMs: 1, maxInFlight: 1 },
      unknown: { resolve: over.resolve ?? 'resend' },
    },
    () => ({ authorization: 'Bearer t' }),
  );
const data = (text: string) => ({ data: Buffer.from(text) });
const rendered = (url: string, event: Parameters<typeof testDelivery>[1] = {}, over: Parameters<typeof renderer>[1] = {}) => {
  const result = renderer(url, over)(testDelivery(1, event));
  if (!result.ok) throw new Error(result.code);
  return result.request;
};

describe('a delivery, rendered', () => {
  it('goes out byte for byte, with its headers', () => {
    const { method, path, headers, body } = rendered('https://p.example/a?x=1', { attempt: 2 }, { headers: { 'X-Own': 'yes' } });
    expect({ method, path, body: body?.toString() }).toEqual({ method: 'POST', path: '/a?x=1', body: '{"n":1}' });
    expect(headers).toEqual({
      'x-own': 'yes',
      authorization: 'Bearer t',
      'content-type': 'application/json',
      'x-correlation-id': 'correlation-1',
      'x-holdfast-event-id': 'ev1',
      'x-holdfast-attempt': '3',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    });
  });

  it('keeps the traceparent of the event, and makes the same one for each attempt without', () => {
    const own = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    expect(rendered('https://p.example/', { event: { traceparent: own } }).headers['traceparent']).toBe(own);
    const [a, b] = [0, 1].map((attempt) => rendered('https://p.example/', { attempt }).headers['traceparent']);
    expect(a).toBe(b);
  });

  it('names the same key for every attempt of a generation, as an RFC 8941 string', () => {
    const key = (over: Parameters<typeof testDelivery>[1]) =>
      rendered('https://p.example/', over, { resolve: 'idempotency-key' }).headers['idempotency-key'];
    expect(key({ attempt: 0, hop: 0 })).toBe('"d1.0"');
    expect(key({ attempt: 2, hop: 4 })).toBe('"d1.0"');
    expect(key({ generation: 1 })).toBe('"d1.1"');
    expect(idempotencyKey(testDelivery(1, { id: 'a"b\\c' }))).toBe('"a\\"b\\\\c.0"');
  });

  it.each([
    ['https://p.example/{entity}/x', { subject: 'a/b c?d#e' }, '/a%2Fb%20c%3Fd%23e/x'],
    ['https://p.example/{entity}', { subject: 'a\r\nHost: evil' }, '/a%0D%0AHost%3A%20evil'],
    ['https://p.example/{id}/{type}', { id: 'é', type: 'order.updated' }, '/%C3%A9/order.updated'],
    ['https://p.example/{entity}@{revision}', { subject: 'e', revision: '7' }, '/e@7'],
    ['https://p.example?entity={entity}', { subject: 'e&f=g' }, '/?entity=e%26f%3Dg'],
    ['https://p.example/grün/{entity}', { subject: 'e' }, '/gr%C3%BCn/e'],
    ['https://p.example/{/order/id}/x?at={/n~1m}', data('{"order":{"id":"a/b?c"},"n/m":1.5}'), '/a%2Fb%3Fc/x?at=1.5'],
    ['https://p.example/{/größe?}', data('{"größe?":true}'), '/true'],
    ['https://p.example/{/id}', data('{"id":12345678901234567890}'), '/12345678901234567890'],
    ['https://p.example/{/id}', data('{"id":"@evil.example/..\\r\\n"}'), '/%40evil.example%2F..%0D%0A'],
  ])('%s', (url, event, path) => {
    expect(rendered(url, { event }).path).toBe(path);
  });

  it.each([
    ['https://p.example/{entity}/x', { subject: '..' }],
    ['https://p.example/{entity}/x', { subject: '.' }],
    ['https://p.example/{entity}/x', { subject: '' }],
    ['https://p.example/{revision}', { revision: null }],
    ['https://p.example/{/order/id}-x', data('{"order":{}}')],
    ['https://p.example/?q={/order}', data('{"order":{"id":1}}')],
    ['https://p.example/{/order}', data('{"order":".."}')],
    ['https://p.example/{/order}', data('<order/>')],
    ['https://p.example/{/__proto__/x}', data('{"a":1}')],
  ])('%s cannot be filled by %j', (url, event) => {
    expect(renderer(url)(testDelivery(1, { event }))).toMatchObject({ ok: false, code: 'url-unfillable' });
  });

  it.each([
    ['a line break in the content type', { datacontenttype: 'text/plain\r\nX-Evil: 1' }],
    ['a correlation id beyond ASCII', { correlationid: 'grün' }],
    ['an empty content type', { datacontenttype: '' }],
  ])('%s is refused', (_name, event) => {
    expect(renderer('https://p.example/')(testDelivery(1, { event }))).toMatchObject({ ok: false, code: 'header-invalid' });
  });

  it('carries an id that no header could hold', () => {
    expect(rendered('https://p.example/', { event: { id: 'é\r\n' } }).headers['x-holdfast-event-id']).toBe('%C3%A9%0D%0A');
  });

  it('is signed over what goes out, under an id that is the same for every attempt', () => {
    const signed: unknown[] = [];
    const render = requestRenderer(
      {
        http: { url: urlTemplate('https://p.example/'), method: 'POST', headers: {}, timeoutMs: 1, maxInFlight: 1 },
        unknown: { resolve: 'resend' },
      },
      () => ({}),
      { sign: (message) => (signed.push(message), { 'webhook-id': message.id }), nowMs: () => 5 },
    );
    const ids = [{ attempt: 0 }, { attempt: 2, hop: 3 }, { generation: 1 }].map((over) => {
      const result = render(testDelivery(1, over));
      return result.ok && result.request.headers['webhook-id'];
    });
    expect(ids).toEqual(['d1', 'd1', 'd1_1']);
    expect(signed[0]).toEqual({ id: 'd1', body: Buffer.from('{"n":1}'), nowMs: 5 });
  });

  it('carries what a transform made, as JSON, and nothing where it made none', () => {
    const render = renderer('https://p.example/');
    const made = { ok: true, body: Buffer.from('{"a":1}') } as const;
    expect(render(testDelivery(1, { event: { datacontenttype: 'text/xml' } }), made)).toMatchObject({
      request: { body: made.body, headers: { 'content-type': 'application/json' } },
    });
    expect(render(testDelivery(1, { event: { datacontenttype: 'text/xml' } }), null)).toMatchObject({
      request: { body: Buffer.from('{"n":1}'), headers: { 'content-type': 'text/xml' } },
    });
    const none = { ok: false, code: 'transform-timeout', error: 'too long' } as const;
    expect(render(testDelivery(1), none)).toEqual(none);
  });

  it('has no body under GET', () => {
    expect(rendered('https://p.example/{entity}', {}, { method: 'GET' }).body).toBeNull();
  });

  it('takes the origin from the template alone', () => {
    expect(originOf(urlTemplate('https://p.example:8443/{entity}?q={id}'))).toBe('https://p.example:8443');
  });
});
