import { afterEach, describe, expect, it } from '@jest/globals';
import avro from 'avsc';
import { MemoryRegistry, openForeignDecoder, RegistryError } from '#libs/contracts/src/index.js';
import type { MemoryLimits, MemoryProcess } from '#libs/kafka/src/index.js';
import { copyWorld, GROUP, noAvro, source, TOPIC } from './testing/copy-world.js';

// Goal: every record of a producer's topic stands in hf.events exactly once, in order, whatever happens on the way.
// Method: the real pipeline and owner over the memory log; a process dies at each port call in turn, and another takes over.
let open: Awaited<ReturnType<typeof copyWorld>>[] = [];
afterEach(async () => {
  await Promise.all(open.map((each) => each.close()));
  open = [];
});
async function world(limits?: MemoryLimits) {
  const opened = await copyWorld(limits);
  open.push(opened);
  return opened;
}
const order = (orderId: number, version = 1) => ({ orderId, version });

describe('copying', () => {
  it('makes an event of each record, in order, with its origin', async () => {
    const w = await world();
    w.put(order(1), order(1, 2), order(2));
    await w.start(source('json', noAvro));
    const events = await w.until(3);
    expect(events.map(({ subject, revision, origin }) => [subject, revision, origin]).sort()).toEqual([
      ['1', '1', `${TOPIC}/0/0`],
      ['1', '2', `${TOPIC}/0/1`],
      ['2', '1', `${TOPIC}/0/2`],
    ]);
    expect(events[0]).toMatchObject({ source: 'erp', type: 'order.updated', datacontenttype: 'application/json', faults: [] });
    expect(w.log.records('hf.events')[0]!.key!.toString()).toBe(events[0]!.subject);
    expect(w.log.broker.committed(GROUP, TOPIC, 0)!.offset).toBe(3);
    expect(w.told.received).toEqual(Array(3).fill('order.updated'));
  });

  it('copies nothing twice when another process takes over', async () => {
    const w = await world();
    w.put(order(1), order(2));
    const first = await w.start(source('json', noAvro));
    await w.until(2);
    await first.close();
    w.put(order(3));
    await w.start(source('json', noAvro));
    await w.until(3);
    expect(
      w
        .events()
        .map(({ subject }) => subject)
        .sort(),
    ).toEqual(['1', '2', '3']);
  });

  it('gives a record the same id by its position, and the id of the source where it names one', async () => {
    const w = await world();
    w.put({ ...order(1), id: 'mine' }, order(2));
    await w.start(source('json', noAvro, { id: { kind: 'pointer', pointer: '/id' } }));
    const ids = (await w.until(2)).map(({ id }) => id).sort();
    expect(ids[1]).toBe('mine');
    expect(ids[0]).toMatch(/^erp\.orders-0-1-[A-Za-z0-9_-]{8}$/);
  });

  it('keeps what it cannot read, with its fault, and goes on', async () => {
    const w = await world();
    w.put(Buffer.from('{"orderId":'), order(2), null, Buffer.from([0xff]));
    await w.start(source('json', noAvro));
    const events = await w.until(4);
    const byOrigin = (offset: number) => events.find(({ origin }) => origin === `${TOPIC}/0/${offset}`)!;
    expect(byOrigin(0)).toMatchObject({ faults: [{ code: 'malformed-json' }], data: Buffer.from('{"orderId":') });
    expect(byOrigin(1).faults).toEqual([]);
    expect(byOrigin(2)).toMatchObject({ subject: 'key-1', attributes: { tombstone: 'true', keyfallback: 'revision' }, faults: [] });
    expect(byOrigin(3)).toMatchObject({ faults: [{ code: 'not-utf8' }], data: Buffer.from([0xff]) });
    expect(w.told.faulty).toBe(2);
  });

  it('halves a batch that is too large, and lets a record that stands alone go by its digest', async () => {
    const w = await world({ recordMaxBytes: 3_000, batchMaxBytes: 6_000, transactionTimeoutMs: 10_000 });
    for (const orderId of [1, 2, 3, 4, 5, 6, 7]) w.put({ ...order(orderId), text: 'x'.repeat(orderId === 4 ? 2_900 : 900) });
    await w.start(source('json', noAvro));
    const events = await w.until(7);
    expect(events.length).toBe(7);
    const large = events.filter(({ faults }) => faults.length > 0);
    expect(large).toMatchObject([{ subject: '4', origin: `${TOPIC}/0/3`, faults: [{ code: 'too-large' }] }]);
    expect(large[0]!.data.length).toBe(0);
    expect(large[0]!.attributes['digest']).toMatch(/^[A-Za-z0-9_-]{24}$/);
    expect(w.log.broker.committed(GROUP, TOPIC, 0)!.offset).toBe(7);
  });
});

describe('a process that dies', () => {
  const calls = ['log.fence', 'log.committed', 'log.bounds', 'log.read', 'log.commit.write', 'log.commit.end'];
  for (const call of calls)
    for (const when of ['before', 'after'] as const)
      for (const nth of [1, 2, 3])
        it(`${when} its ${call} number ${nth} loses nothing and doubles nothing`, async () => {
          const w = await world();
          w.put(order(1), order(2), order(3));
          let seen = 0;
          const at = (moment: string) => async (name: string) => {
            if (moment !== when || !name.startsWith(`${call} `) || ++seen !== nth) return;
            w.crash(dying);
            await new Promise(() => {}); // What it had under way never comes back.
          };
          const dying: MemoryProcess = await w.start(source('json', noAvro), { before: at('before'), after: at('after') });
          await Promise.race([w.until(3), new Promise((resolve) => setTimeout(resolve, 60))]);
          w.put(order(4));
          await w.start(source('json', noAvro));
          await w.until(4);
          expect(
            w
              .events()
              .map(({ origin }) => origin)
              .sort(),
          ).toEqual([0, 1, 2, 3].map((offset) => `${TOPIC}/0/${offset}`));
        });
});

describe('avro', () => {
  const schema = {
    type: 'record',
    name: 'Order',
    fields: [
      { name: 'orderId', type: 'long' },
      { name: 'version', type: 'int' },
      { name: 'note', type: ['null', 'string'], default: null },
    ],
  } as const;
  const type = avro.Type.forSchema(schema as unknown as avro.Schema);
  async function avroWorld() {
    const registry = new MemoryRegistry();
    const id = await registry.register('erp.orders-value', JSON.stringify(schema));
    const framed = (value: unknown, schemaId = id) => Buffer.concat([Buffer.from([0, 0, 0, 0, schemaId]), type.toBuffer(value)]);
    return { registry, id, framed, w: await world() };
  }

  it('is stored as JSON with the id of its schema', async () => {
    const { registry, id, framed, w } = await avroWorld();
    w.put(framed({ orderId: 7, version: 3, note: 'é' }));
    await w.start(source('avro', openForeignDecoder(registry)));
    const [event] = await w.until(1);
    expect(event!.data.toString()).toBe('{"orderId":7,"version":3,"note":"é"}');
    expect(event).toMatchObject({
      subject: '7',
      revision: '3',
      datacontenttype: 'application/json',
      dataschema: `schema-registry:${id}`,
      schemaversion: String(id),
      faults: [],
    });
  });

  it('keeps the raw bytes of what is not framed, truncated, or of an unknown schema', async () => {
    const { registry, framed, w } = await avroWorld();
    const good = framed({ orderId: 7, version: 3, note: null });
    const bad = [
      Buffer.from('{"orderId":7}'),
      good.subarray(0, 6),
      good.subarray(0, 3),
      framed({ orderId: 7, version: 3, note: null }, 99),
    ];
    w.put(...bad, good);
    await w.start(source('avro', openForeignDecoder(registry)));
    const events = await w.until(5);
    const byOrigin = (offset: number) => events.find(({ origin }) => origin === `${TOPIC}/0/${offset}`)!;
    expect([0, 1, 2, 3, 4].map((offset) => byOrigin(offset).faults[0]?.code ?? null)).toEqual([
      'bad-magic',
      'truncated',
      'truncated',
      'unknown-schema',
      null,
    ]);
    for (const offset of [0, 1, 2, 3]) {
      expect(byOrigin(offset).data).toEqual(bad[offset]);
      expect(byOrigin(offset).datacontenttype).toBe('application/vnd.confluent.avro');
    }
  });

  it('waits for a registry that is down, and loses nothing', async () => {
    const { registry, framed, w } = await avroWorld();
    let down = true;
    const flaky = {
      idOf: registry.idOf.bind(registry),
      schemaById: async (id: number) => {
        if (down) throw new RegistryError('unreachable', 'the registry is down');
        return registry.schemaById(id);
      },
    };
    w.put(framed({ orderId: 7, version: 3, note: null }));
    await w.start(source('avro', openForeignDecoder(flaky)));
    while (w.told.waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(w.events()).toEqual([]);
    down = false;
    expect((await w.until(1)).map(({ subject }) => subject)).toEqual(['7']);
    expect(w.told.waiting).toEqual(['the registry is down', null]);
  });
});

describe('cloudevents', () => {
  const fromCloudEvents = {
    id: { kind: 'header', name: 'ce_id' },
    type: { kind: 'header', name: 'ce_type' },
    entity: { kind: 'header', name: 'ce_subject' },
    revision: null,
    time: { kind: 'header', name: 'ce_time' },
  } as const;
  const send = async (headers: Record<string, string>, body: string) => {
    const w = await world();
    w.log.broker.write([{ topic: TOPIC, key: null, value: Buffer.from(body), headers }], null);
    await w.start(source('cloudevents', noAvro, fromCloudEvents));
    return (await w.until(1))[0]!;
  };
  const binary = {
    ce_specversion: '1.0',
    ce_id: 'e-1',
    ce_source: '/erp',
    ce_type: 'order.created',
    ce_subject: 'o-7',
    ce_time: '2026-01-02T03:04:05Z',
    ce_tenant: 'north',
  };

  it('are read in binary mode', async () => {
    const event = await send({ ...binary, 'content-type': 'application/json' }, '{"a":1}');
    expect(event).toMatchObject({
      id: 'e-1',
      type: 'order.created',
      subject: 'o-7',
      time: Date.UTC(2026, 0, 2, 3, 4, 5),
      datacontenttype: 'application/json',
      attributes: { tenant: 'north' },
      faults: [],
    });
    expect(event.data.toString()).toBe('{"a":1}');
  });

  it('are read in structured mode, with exact numbers and with bytes', async () => {
    const envelope = { specversion: '1.0', id: 'e-1', source: '/erp', type: 'order.created', subject: 'o-7' };
    const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
    const event = await send(headers, `${JSON.stringify(envelope).slice(0, -1)},"data":{"n":9007199254740993}}`);
    expect(event).toMatchObject({ id: 'e-1', type: 'order.created', subject: 'o-7', datacontenttype: 'application/json', faults: [] });
    expect(event.data.toString()).toBe('{"n":9007199254740993}');
    const bytes = await send(headers, JSON.stringify({ ...envelope, datacontenttype: 'application/pdf', data_base64: 'AAEC' }));
    expect(bytes).toMatchObject({ data: Buffer.from([0, 1, 2]), datacontenttype: 'application/pdf', faults: [] });
  });

  it('that are none are kept with the reason', async () => {
    const { faults, data } = await send({ ce_id: 'e-1' }, 'x');
    expect(faults[0]).toMatchObject({ code: 'not-cloudevents' });
    expect(faults[0]!.message).toContain('source, type, specversion');
    expect(data.toString()).toBe('x');
  });
});
