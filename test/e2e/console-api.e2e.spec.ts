import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { orderBody, postWebhooks, startPartner, System, testConfiguration, waitFor, type Partner } from '#libs/testkit/src/index.js';
import { services, shopSigning } from '../fixtures/end-to-end.js';

// Goal: who did not build this finds out over HTTP what became of an event, what failed and why, and how destinations stand.
// Method: the whole system with ledger and console; one order delivered, the same again, one refused by the partner, one unreadable.

/** What these tests look at in answers; anything may be missing. */
type Item = Readonly<{ id: string; hold?: { reason: string } | null }>;
type Body = Readonly<{
  event: Readonly<{ id: string; correlationid: string; data: string }>;
  verdict: string;
  verdicts?: Readonly<Record<string, { verdict: string }>>;
  timeline: readonly Readonly<{ fact: string }>[];
  duplicateof: unknown;
  items?: readonly Item[];
  nextCursor: string | null;
  errors: readonly Readonly<{ where: string }>[];
  data: string;
  history: unknown;
  openapi: string;
  paths: object;
}>;

let partner: Partner;
let system: System;
let delivered = '';
let duplicate = '';
let refused = '';

const get = async (path: string, headers: Record<string, string> = {}): Promise<{ status: number; type: string; body: Body }> => {
  const answer = await fetch(`${system.consoleUrl}${path}`, { headers });
  return { status: answer.status, type: answer.headers.get('content-type') ?? '', body: (await answer.json()) as Body };
};
const post = async (path: string, body: unknown): Promise<{ status: number; body: Body }> => {
  const headers = { 'content-type': 'application/json', 'x-holdfast-actor': 'ann' };
  const answer = await fetch(`${system.consoleUrl}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as Body };
};
const send = async (id: string, entity: string): Promise<string> => {
  const webhook = { tag: id, body: orderBody({ id, entity, revision: 1 }) };
  const { accepted } = await postWebhooks({ url: system.ingestUrl, source: 'shop', signing: shopSigning, connectionsMax: 1 }, [webhook]);
  return accepted[0]!.id;
};

beforeAll(async () => {
  partner = await startPartner({ rules: [{ path: '/orders/wrong', status: 422, body: '{"error":"no such article"}' }] });
  system = await System.start({
    services: services(),
    apps: ['ingest', 'dedupe', 'deliver', 'dlq-handler', 'ledger', 'console'],
    configuration: (prefix) =>
      testConfiguration({ prefix, sources: ['shop'], destinations: [{ name: 'portal', url: `${partner.url}/orders/{entity}` }] }),
  });
  delivered = await send('o-1', 'order-1');
  await waitFor(async () => (await get(`/api/events/${delivered}`)).body.verdicts?.portal?.verdict === 'delivered-once', {
    what: 'the verdict of the first order',
    withinMs: 60_000,
  });
  duplicate = await send('o-2', 'order-1');
  refused = await send('o-3', 'wrong');
  await waitFor(async () => (await get(`/api/events/${refused}`)).body.verdicts?.portal?.verdict === 'dead-lettered', {
    what: 'the verdict of the refused order',
    withinMs: 60_000,
  });
  await waitFor(async () => (await get('/api/dead-letters')).body.items?.length === 1, { what: 'the dead letter', withinMs: 30_000 });
}, 180_000);
afterAll(async () => {
  await system?.stop();
  await partner?.close();
}, 60_000);

describe('an event', () => {
  it('by its id: envelope, verdicts and timeline', async () => {
    const { status, body } = await get(`/api/events/${delivered}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ event: { id: delivered, type: 'order.updated', source: 'shop', entity: 'order-1' }, verdict: 'accepted' });
    expect(JSON.parse(Buffer.from(body.event.data, 'base64').toString())).toMatchObject({ entity: 'order-1', revision: 1 });
    expect(body.timeline.map(({ fact }) => fact)).toEqual(['received', 'judged', 'attempted', 'settled']);
  });

  it('by its correlation id', async () => {
    const { body } = await get(`/api/events/${delivered}`);
    expect((await get(`/api/events/${body.event.correlationid}`)).body.event.id).toBe(delivered);
  });

  it('a duplicate names the event it doubles', async () => {
    await waitFor(async () => (await get(`/api/events/${duplicate}`)).body.verdict === 'duplicate', {
      what: 'the duplicate',
      withinMs: 30_000,
    });
    const { body } = await get(`/api/events/${duplicate}`);
    expect(body.duplicateof).toMatchObject({ id: delivered });
  });

  it('that nobody knows is a problem document that says where else to look', async () => {
    const { status, type, body } = await get('/api/events/nobody');
    expect([status, type]).toEqual([404, 'application/problem+json']);
    expect(body).toMatchObject({ status: 404, title: 'There is no such event', detail: expect.stringContaining('holdfast prove') });
  });
});

describe('the search', () => {
  const ids = async (query: string): Promise<string[]> => (await get(`/api/events?${query}`)).body.items!.map(({ id }) => id);

  it('finds by entity, type, state and time, newest first', async () => {
    expect(await ids('entity=order-1')).toEqual([duplicate, delivered]);
    expect(await ids('state=dead-lettered')).toEqual([refused]);
    expect(await ids('state=duplicate')).toEqual([duplicate]);
    expect(await ids('destination=portal&state=delivered-once')).toEqual([delivered]);
    expect(await ids('type=nothing')).toEqual([]);
    expect(await ids(`from=${Date.now() + 60_000}`)).toEqual([]);
  });

  it('goes on where a page ended', async () => {
    const first = (await get('/api/events?limit=2')).body;
    expect(first.items).toHaveLength(2);
    const second = (await get(`/api/events?limit=2&cursor=${encodeURIComponent(first.nextCursor!)}`)).body;
    expect([...first.items!, ...second.items!].map(({ id }) => id)).toEqual([refused, duplicate, delivered]);
    expect(second.nextCursor).toBeNull();
  });

  it('says what is wrong with a question', async () => {
    const { status, body } = await get('/api/events?from=yesterday&limit=0&cursor=x');
    expect(status).toBe(400);
    expect(body.errors.map(({ where }) => where).sort()).toEqual(['query/cursor', 'query/from', 'query/limit']);
  });
});

describe('dead letters', () => {
  it('are listed, grouped and shown whole', async () => {
    const items = (await get('/api/dead-letters?destination=portal')).body.items!;
    expect(items).toMatchObject([{ eventid: refused, destination: 'portal', status: 422, class: 'business', reason: 'rejected' }]);
    const groups = (await get('/api/dead-letters/groups')).body.items;
    expect(groups).toMatchObject([{ destination: 'portal', class: 'business', status: 422, count: 1 }]);
    const whole = (await get(`/api/dead-letters/${items[0]!.id}`)).body;
    expect(JSON.parse(Buffer.from(whole.data, 'base64').toString())).toMatchObject({ entity: 'wrong' });
    expect(whole.history).toMatchObject([{ attempt: 1, class: 'business', status: 422, body: expect.stringContaining('no such article') }]);
    expect((await get('/api/dead-letters?class=transient')).body.items).toEqual([]);
    expect((await get('/api/dead-letters/dlq-0-999999')).status).toBe(404);
  });

  it('are not acted on without a reason, or by a set that fits nothing', async () => {
    expect((await post('/api/dead-letters/requeue', { ids: ['dlq-0-1'] })).status).toBe(400);
    expect((await post('/api/dead-letters/discard', { ids: ['a'], group: 'b', reason: 'both' })).status).toBe(400);
    expect((await post('/api/dead-letters/requeue', { group: 'no such group', reason: 'mended' })).status).toBe(404);
  });
});

describe('destinations', () => {
  it('say how they stand, and are paused and resumed by an operator', async () => {
    expect((await get('/api/destinations')).body.items).toMatchObject([{ destination: 'portal', breaker: 'closed', lagRecords: 0 }]);
    expect((await post('/api/destinations/portal/pause', { reason: 'their upgrade' })).status).toBe(202);
    await waitFor(async () => (await get('/api/destinations')).body.items?.[0]?.hold?.reason === 'paused', {
      what: 'the pause',
      withinMs: 10_000,
    });
    const held = await send('o-4', 'order-4');
    expect((await post('/api/destinations/portal/resume', { reason: 'done' })).status).toBe(202);
    await waitFor(async () => (await get(`/api/events/${held}`)).body.verdicts?.portal?.verdict === 'delivered-once', {
      what: 'the delivery after the pause',
      withinMs: 60_000,
    });
    expect((await post('/api/destinations/nowhere/pause', {})).status).toBe(404);
  });
});

it('the contract is served, and names every request', async () => {
  const { status, body } = await get('/api/openapi.json');
  expect([status, body.openapi]).toEqual([200, '3.1.0']);
  expect(Object.keys(body.paths)).toEqual(
    expect.arrayContaining([
      '/api/events/{id}',
      '/api/events',
      '/api/dead-letters/groups',
      '/api/operations/{id}',
      '/api/destinations/{name}/pause',
    ]),
  );
});
