import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { PartnerAndClient } from './testing/partner-client.js';

// Goal: the books say what really took effect, whichever way one asks.
// Method: a real server and a real client on loopback; after each exchange both the answer and the books are compared.

let both: PartnerAndClient;
const send: PartnerAndClient['send'] = (what) => both.send(what);
const begin: PartnerAndClient['begin'] = (options) => both.begin(options);

beforeEach(async () => {
  both = new PartnerAndClient();
  await both.begin();
});
afterEach(() => both.end());

describe('a partner without a script', () => {
  it('stores what is posted and put, and says who sent it', async () => {
    const { status, text } = await send({ event: 'e-1', body: '{"a":1}', headers: { 'x-correlation-id': 'c-1' } });
    await send({ event: 'e-2', method: 'PUT', path: '/other/x' });
    expect([status, JSON.parse(text)]).toEqual([200, { id: 'p-1', status: 'stored' }]);
    expect(both.partner.storedOf('e-1')).toEqual([
      expect.objectContaining({
        seq: 1,
        path: '/orders/o-1',
        entity: 'o-1',
        correlationId: 'c-1',
        attempt: 1,
        bytes: 7,
        digest: expect.stringMatching(/^[0-9a-f]{40}$/),
      }),
    ]);
    expect(both.partner.stats()).toMatchObject({ stored: 2, unique: 2, doubles: 0, requests: 2, inFlight: 0, byStatus: { '200': 2 } });
  });

  it('counts an event that took effect twice as a double, and names it', async () => {
    await send({ event: 'e-1' });
    await send({ event: 'e-1' });
    await send({ event: 'e-1', path: '/elsewhere/o-1' });
    expect(both.partner.stats()).toMatchObject({ stored: 3, unique: 2, doubles: 1 });
    expect(both.partner.doubles()).toEqual([{ key: 'e-1 /orders/o-1', count: 2 }]);
  });

  it('shows the last deliveries as text at /', async () => {
    await send({ event: 'e-1' });
    const { text } = await send({ method: 'GET', path: '/' });
    expect(text).toMatch(/POST {2,}\/orders\/o-1 {2}→ {2}200 stored {2}event e-1/);
    expect(both.partner.stats().lookups).toBe(0);
  });

  it('keeps no more than it may, and its counters go on', async () => {
    await begin({ storedMax: 3 });
    for (let i = 1; i <= 5; i++) await send({ event: `e-${i}`, path: `/o/${i}` });
    expect([...both.partner.store.all()].map(({ eventId }) => eventId)).toEqual(['e-3', 'e-4', 'e-5']);
    expect(both.partner.stats().stored).toBe(5);
  });

  it('notices a revision that comes after a higher one, and requests for one entity that overlap', async () => {
    await begin({ pointers: { entity: '/id', revision: '/rev' }, rules: [{ latencyMs: 30 }] });
    await send({ body: '{"id":"a","rev":9}' });
    await send({ body: '{"id":"a","rev":10}' });
    expect(both.partner.stats()).toMatchObject({ disordered: 0, overlaps: 0 });
    await send({ body: '{"id":"a","rev":2}' });
    await Promise.all([send({ body: '{"id":"b","rev":1}' }), send({ body: '{"id":"b","rev":1}' }), send({ body: '{"id":"c","rev":1}' })]);
    expect(both.partner.stats()).toMatchObject({ disordered: 1, overlaps: 1, inFlightMax: 3 });
  });

  it('refuses a body over the bound without storing it', async () => {
    await begin({ bodyMax: 10 });
    expect((await send({ body: 'x'.repeat(11) })).status).toBe(413);
    expect(both.partner.stats().stored).toBe(0);
  });
});

describe('idempotency keys', () => {
  it('let a second request have no second effect, and replay the first receipt', async () => {
    const first = await send({ key: 'k', event: 'e-1' });
    const second = await send({ key: 'k', event: 'e-1' });
    expect([second.text, second.headers['idempotent-replayed']]).toEqual([first.text, 'true']);
    expect(both.partner.stats()).toMatchObject({ stored: 1, replayed: 1, doubles: 0 });
  });

  it('refuse another body under the same key', async () => {
    await send({ key: 'k', body: '1' });
    expect((await send({ key: 'k', body: '2' })).status).toBe(422);
    expect(both.partner.stats().stored).toBe(1);
  });

  it('are forgotten after their validity', async () => {
    await begin({ idempotency: { validForMs: 40 } });
    await send({ key: 'k', event: 'e-1' });
    await new Promise((resolve) => setTimeout(resolve, 60));
    await send({ key: 'k', event: 'e-1' });
    expect(both.partner.stats()).toMatchObject({ stored: 2, doubles: 1 });
  });

  it('mean nothing when switched off', async () => {
    await begin({ idempotency: { enabled: false } });
    await send({ key: 'k' });
    await send({ key: 'k' });
    expect(both.partner.stats()).toMatchObject({ stored: 2, doubles: 1 });
  });

  it('are not used up by a refusal without effect', async () => {
    await begin({ rules: [{ first: 1, status: 500 }] });
    expect((await send({ key: 'k' })).status).toBe(500);
    expect((await send({ key: 'k' })).headers['idempotent-replayed']).toBeUndefined();
    expect(both.partner.stats()).toMatchObject({ stored: 1, refused: 1 });
  });
});

describe('lookups', () => {
  beforeEach(() => begin({ pointers: { entity: '/id', revision: '/rev' } }));

  it('find the newest revision of an entity, and a record by the event that made it', async () => {
    await send({ event: 'e-1', body: '{"id":"a","rev":1}' });
    await send({ event: 'e-2', body: '{"id":"a","rev":2}' });
    const byEntity = await send({ method: 'GET', path: '/orders/a' });
    expect(JSON.parse(byEntity.text)).toEqual({ id: 'a', rev: 2, _partner: { id: 'p-2', entity: 'a', revision: '2', eventId: 'e-2' } });
    const byEvent = await send({ method: 'GET', path: '/orders?externalId=e-1' });
    expect(JSON.parse(byEvent.text)).toMatchObject({ _partner: { id: 'p-1', revision: '1' } });
    expect((await send({ method: 'GET', path: '/orders?entity=a' })).status).toBe(200);
  });

  it('find nothing where nothing took effect', async () => {
    both.partner.setRules([{ fault: 'reset-before-commit' }]);
    await expect(send({ event: 'e-1', body: '{"id":"a","rev":1}' })).rejects.toThrow();
    expect((await send({ method: 'GET', path: '/orders/a' })).status).toBe(404);
    expect(both.partner.stats()).toMatchObject({ lookups: 1, stored: 0 });
  });
});

describe('bulk', () => {
  it('stores each item by itself, and says which failed', async () => {
    await begin({ seed: 3, rules: [{ path: '/bulk', bulk: { itemShare: 0.5 } }] });
    const items = Array.from({ length: 20 }, (_, i) => ({ id: `e-${i}`, entity: `o-${i}` }));
    const { status, text } = await send({ path: '/bulk', body: JSON.stringify(items) });
    const results = (JSON.parse(text) as { items: { index: number; status: number }[] }).items;
    const stored = results.filter((result) => result.status === 200);
    expect(status).toBe(207);
    expect(stored.length).toBeGreaterThan(0);
    expect(stored.length).toBeLessThan(20);
    expect(both.partner.stats()).toMatchObject({ stored: stored.length, doubles: 0 });
    expect(both.partner.storedOf(`e-${stored[0]!.index}`)).toHaveLength(1);
    expect((await send({ path: '/bulk', body: '{}' })).status).toBe(400);
  });
});

describe('the admin API', () => {
  const admin = async (
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<{ status: number; json: never }> => {
    const response = await request(both.partner.url + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      dispatcher: both.agent,
    });
    return { status: response.statusCode, json: (await response.body.json()) as never };
  };

  it('sets, adds, lists and removes rules', async () => {
    await admin('PUT', '/_sim/rules', [{ first: 1, status: 500 }]);
    await admin('POST', '/_sim/rules', { status: 202 });
    expect((await admin('GET', '/_sim/rules')).json).toEqual([{ first: 1, status: 500 }, { status: 202 }]);
    expect([(await send()).status, (await send()).status]).toEqual([500, 202]);
    await admin('DELETE', '/_sim/rules');
    expect((await send()).status).toBe(200);
    expect((await admin('PUT', '/_sim/rules', [{ nonsense: 1 }])).status).toBe(400);
    expect((await admin('GET', '/_sim/nothing')).status).toBe(404);
  });

  it('shows what was stored, page by page, by event, entity and key', async () => {
    for (let i = 1; i <= 5; i++) await send({ event: `e-${i}`, path: `/o/${i % 2}`, key: `k-${i}` });
    const events = async (query: string): Promise<unknown[]> =>
      ((await admin('GET', `/_sim/stored?${query}`)).json as { items: { eventId: string }[] }).items.map(({ eventId }) => eventId);
    expect(await events('limit=2')).toEqual(['e-1', 'e-2']);
    expect(await events('limit=2&after=4')).toEqual(['e-5']);
    expect(await events('event=e-3')).toEqual(['e-3']);
    expect(await events('entity=0')).toEqual(['e-2', 'e-4']);
    expect(await events('key=k-5')).toEqual(['e-5']);
  });

  it('switches idempotency, lists doubles and arrivals, and resets', async () => {
    await admin('PUT', '/_sim/idempotency', { enabled: false });
    await send({ event: 'e-1', key: 'k' });
    await send({ event: 'e-1', key: 'k' });
    expect((await admin('GET', '/_sim/doubles')).json).toEqual({ items: [{ key: 'e-1 /orders/o-1', count: 2 }] });
    expect((await admin('GET', '/_sim/arrivals?event=e-1')).json).toMatchObject({
      items: [{ status: 200, end: 'stored' }, { status: 200 }],
    });
    await admin('POST', '/_sim/reset');
    expect((await admin('GET', '/_sim/stats')).json).toMatchObject({ stored: 0, doubles: 0, requests: 0 });
  });
});
