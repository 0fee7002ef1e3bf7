import { afterEach, describe, expect, it } from '@jest/globals';
import avro from 'avsc';
import { postWebhooks, seededRandom, servicesFrom, TopicProducer, waitFor, type Signing } from '#libs/testkit/src/index.js';
import { AppWorld, SECRET, type AppWorldOptions } from './testing/app-world.js';

// Goal: the shipped process on the real Kafka and registry keeps its one promise: what it acknowledged, and what producers wrote,
// stands in hf.events once, byte for byte.
const services = servicesFrom(process.env);
if (!services) throw new Error('set KAFKA_BROKERS and the other addresses, or run `npm run test:int`, which starts the services');

let open: AppWorld | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});
const world = async (options: Omit<AppWorldOptions, 'brokers' | 'registryUrl'>): Promise<AppWorld> =>
  (open = await AppWorld.open({ ...options, brokers: services.brokers, registryUrl: services.registryUrl }));

const signing: Signing = { scheme: 'hmac', secret: SECRET, header: 'x-signature', prefix: 'v1=' };
const verify = { scheme: 'hmac', header: 'x-signature', prefix: 'v1=', secrets: [{ file: 'secret' }] };
const order = {
  event: { type: 'order.updated', entity: '/orderId', revision: '/version' },
  idempotency: { key: ['entity', 'revision'], window: '1h' },
};
const shop = { name: 'shop', webhook: { verify, bodyMax: '64KiB' }, ...order };

describe('the door', () => {
  it('answers 202 for what is readable in hf.events, byte for byte', async () => {
    const w = await world({ sources: () => [shop] });
    const body = Buffer.from(' {"orderId":9007199254740993,\n "version": 2, "text":"é\\u0000"} ');
    const { accepted, refused } = await postWebhooks({ url: w.url, source: 'shop', signing, connectionsMax: 1 }, [{ tag: 'one', body }]);
    expect(refused).toEqual([]);
    const [event] = await w.events();
    const [record] = await w.records();
    expect(event).toMatchObject({
      id: accepted[0]!.id,
      correlationid: accepted[0]!.correlationId,
      subject: '9007199254740993',
      revision: '2',
      faults: [],
    });
    expect(event!.data).toEqual(body);
    expect(record!.key!.toString()).toBe('9007199254740993');
    expect(Object.fromEntries(Object.entries(record!.headers).map(([name, value]) => [name, value.toString()]))).toEqual({
      ce_id: event!.id,
      ce_type: 'order.updated',
      ce_source: 'shop',
      'correlation-id': event!.correlationid,
      traceparent: event!.traceparent,
    });
    expect((await w.app.metrics()).sum('holdfast_events_received_total', { source: 'shop', type: 'order.updated' })).toBe(1);
  });

  it('answers elsewhere with a problem document, too', async () => {
    const w = await world({ sources: () => [shop] });
    for (const path of ['/', '/in/nobody', '/other']) {
      const answer = await fetch(w.url + path, { method: 'POST', body: '{}' });
      expect([path, answer.status, answer.headers.get('content-type')]).toEqual([path, 404, 'application/problem+json']);
    }
  });

  it('keeps what it acknowledged while it is told to stop in the middle of a load', async () => {
    const w = await world({ sources: () => [shop] });
    const webhooks = Array.from({ length: 4_000 }, (_, n) => ({
      tag: `${n}`,
      body: Buffer.from(JSON.stringify({ orderId: n, version: 1 })),
    }));
    const load = postWebhooks({ url: w.url, source: 'shop', signing, connectionsMax: 32 }, webhooks);
    await waitFor(
      async () => (await w.app.metrics()).sum('holdfast_events_received_total', { source: 'shop', type: 'order.updated' }) > 200,
      { what: 'a load', withinMs: 10_000 },
    );
    const exit = await w.app.stop();
    expect(exit).toEqual({ code: 0, signal: null });
    const { accepted } = await load;
    expect(accepted.length).toBeGreaterThan(200);
    const stored = new Set((await w.events()).map(({ id }) => id));
    expect(accepted.filter(({ id }) => !stored.has(id))).toEqual([]);
  });
});

describe('topic sources', () => {
  const schema = {
    type: 'record',
    name: 'Order',
    fields: [
      { name: 'orderId', type: 'string' },
      { name: 'version', type: 'int' },
    ],
  };

  it('are copied exactly once over restarts and kills, JSON and Avro, and a bad record does not stop them', async () => {
    const sources = (prefix: string) => [
      { name: 'erp', topic: { name: `${prefix}erp.orders`, format: 'json' }, ...order },
      { name: 'crm', topic: { name: `${prefix}crm.orders`, format: 'avro' }, ...order },
    ];
    const w = await world({ sources, sourceTopics: ['erp.orders', 'crm.orders'] });
    const { id } = (await (
      await fetch(`${services.registryUrl}/subjects/${w.sourcePrefix}crm.orders-value/versions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ schema: JSON.stringify(schema) }),
      })
    ).json()) as { id: number };
    const type = avro.Type.forSchema(schema as avro.Schema);
    const framed = (value: unknown, schemaId = id): Buffer => {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(schemaId, 1);
      return Buffer.concat([head, type.toBuffer(value)]);
    };
    const random = seededRandom(20261122);
    const [erp, crm] = [
      await TopicProducer.open(services.brokers, `${w.sourcePrefix}erp.orders`),
      await TopicProducer.open(services.brokers, `${w.sourcePrefix}crm.orders`),
    ];
    const ROUNDS = 4;
    const COUNT = 300;
    for (let round = 0; round < ROUNDS; round++) {
      const orders = Array.from({ length: COUNT }, (_, n) => ({ orderId: `o-${n % 50}`, version: round * COUNT + n }));
      await Promise.all([
        erp.produce(orders.map((each) => ({ key: each.orderId, value: Buffer.from(JSON.stringify(each)) }))),
        crm.produce(orders.map((each) => ({ key: each.orderId, value: framed(each) }))),
      ]);
      await new Promise((resolve) => setTimeout(resolve, random.between(0, 400)));
      await (round % 2 === 0 ? w.app.kill() : w.app.stop());
      w.app.start();
      await w.app.ready();
    }
    await crm.produce([
      { key: 'bad', value: Buffer.from('not avro') },
      { key: 'bad', value: framed({ orderId: 'x', version: 1 }, 2_000_000_000) },
    ]);
    await erp.produce([{ key: 'bad', value: Buffer.from('{"orderId":') }]);
    await erp.close();
    await crm.close();
    const expected = 2 * ROUNDS * COUNT + 3;
    await waitFor(async () => (await w.records()).length >= expected, { what: `${expected} events`, withinMs: 30_000 });
    const events = await w.events();
    expect(events.length).toBe(expected);
    expect(new Set(events.map(({ origin }) => origin)).size).toBe(expected);
    const bad = events.filter(({ faults }) => faults.length > 0);
    expect(bad.map(({ source, faults, data }) => [source, faults[0]!.code, data.length]).sort()).toEqual([
      ['crm', 'bad-magic', 8],
      ['crm', 'unknown-schema', framed({ orderId: 'x', version: 1 }).length],
      ['erp', 'malformed-json', 11],
    ]);
    const good = events.filter(({ source, faults }) => source === 'crm' && faults.length === 0);
    expect(JSON.parse(good[0]!.data.toString())).toEqual({ orderId: good[0]!.subject, version: Number(good[0]!.revision) });
  }, 150_000);

  it('that miss their topic leave the app ready, say so, and begin once it is there', async () => {
    const sources = (prefix: string) => [shop, { name: 'erp', topic: { name: `${prefix}erp.orders`, format: 'json' }, ...order }];
    const w = await world({ sources });
    await waitFor(async () => (await w.readyz()).body.missing.length > 0, { what: 'the missing topic', withinMs: 10_000 });
    const { status, body } = await w.readyz();
    expect([status, body.missing.map(({ check }) => check)]).toEqual([200, ['source erp']]);
    expect(body.missing[0]!.missing).toContain(`${w.sourcePrefix}erp.orders`);
    await w.createTopics([`${w.sourcePrefix}erp.orders`]);
    const producer = await TopicProducer.open(services.brokers, `${w.sourcePrefix}erp.orders`);
    await producer.produce([{ key: 'o-1', value: Buffer.from('{"orderId":"o-1","version":1}') }]);
    await producer.close();
    await waitFor(async () => (await w.events()).length === 1, { what: 'the event', withinMs: 30_000 });
    await waitFor(async () => (await w.readyz()).body.missing.length === 0, { what: 'nothing missing', withinMs: 10_000 });
  });
});
