import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import avro from 'avsc';
import { request } from 'undici';
import { stringify } from 'yaml';
import { HttpRegistry } from '#libs/contracts/src/index.js';
import {
  erpTopic,
  orderBody,
  signatureHeaders,
  startPartner,
  storeTopic,
  System,
  testConfiguration,
  TopicProducer,
  waitFor,
  type Partner,
} from '#libs/testkit/src/index.js';
import { readAll, services, shopSigning } from '../fixtures/end-to-end.js';

// Goal: the table of bad input, row by row: what cannot be trusted is refused at the door, what was accepted or produced is kept
// with its reason in hf.invalid, and no bad record stops its partition.
// Method: topics of one partition, so that each bad record stands before a good one, and the good one's delivery is the proof.

let partner: Partner;
let system: System;

beforeAll(async () => {
  partner = await startPartner();
  const url = `${partner.url}/orders/{entity}`;
  system = await System.start({
    services: services(),
    partitions: 1,
    sourceTopics: (prefix) => [erpTopic(prefix), storeTopic(prefix)],
    configuration: (prefix) =>
      testConfiguration({ prefix, partitions: 1, sources: ['shop', 'erp', 'store'], destinations: [{ name: 'portal', url }] }),
  });
}, 120_000);
afterAll(async () => {
  await system?.stop();
  await partner?.close();
}, 60_000);

type Answer = { status: number; body: Record<string, unknown>; contentType: string };

async function post(
  body: string | Buffer,
  options: { source?: string; headers?: Record<string, string>; signed?: boolean } = {},
): Promise<Answer> {
  const { source = 'shop', headers = {}, signed = true } = options;
  const bytes = Buffer.from(body);
  const signature = signed ? signatureHeaders(shopSigning, bytes) : {};
  const answer = await request(`${system.ingestUrl}/in/${source}`, {
    method: 'POST',
    body: bytes,
    headers: { 'content-type': 'application/json', ...signature, ...headers },
  });
  return {
    status: answer.statusCode,
    body: (await answer.body.json()) as Record<string, unknown>,
    contentType: String(answer.headers['content-type']),
  };
}

const produce = async (topic: string, values: readonly Buffer[]): Promise<void> => {
  const producer = await TopicProducer.open(system.services.brokers, topic);
  for (const value of values) await producer.produce([{ key: 'k', value }]);
  await producer.close();
};

const delivered = (id: string) => waitFor(() => partner.storedOf(id).length > 0, { what: `the delivery of ${id}`, withinMs: 20_000 });
const good = (id: string): Buffer => orderBody({ id, entity: `e-${id}`, revision: 1 });

type Invalid = NonNullable<Awaited<ReturnType<typeof readAll>>['invalid'][number]>;
const invalid = (what: string, matches: (event: Invalid) => boolean): Promise<Invalid> =>
  waitFor(async () => (await readAll(system)).invalid.find((event) => event !== null && matches(event)) ?? null, {
    what,
    withinMs: 20_000,
    everyMs: 300,
  });

describe('the door refuses what it cannot trust', () => {
  const rows: [what: string, status: number, send: () => Promise<Answer>][] = [
    ['no signature', 401, () => post(good('x'), { signed: false })],
    ['a wrong signature', 401, () => post(good('x'), { signed: false, headers: { 'x-signature': `v1=${'0'.repeat(64)}` } })],
    ['an unknown source', 404, () => post(good('x'), { source: 'nobody' })],
    ['a body over the bound', 413, () => post(`{"a":"${'x'.repeat(70_000)}"}`)],
    ['a content type the source does not list', 415, () => post(good('x'), { headers: { 'content-type': 'image/png' } })],
  ];
  it.each(rows)('%s: %i, as a problem document', async (_what, status, send) => {
    const answer = await send();
    expect(answer.status).toBe(status);
    expect(answer.contentType).toContain('application/problem+json');
    expect(answer.body).toMatchObject({ status, title: expect.any(String) });
  });

  it('and keeps none of it', async () => {
    expect((await readAll(system)).events).toEqual([]);
  }, 20_000);
});

describe('what is accepted and is not what it says', () => {
  it('malformed JSON: 202, then hf.invalid with the reason and the bytes', async () => {
    const { status, body } = await post('{"type":"order.updated",');
    expect(status).toBe(202);
    const event = await invalid('the malformed body in hf.invalid', ({ id }) => id === body['id']);
    expect(event.data.toString()).toBe('{"type":"order.updated",');
    expect(event.faults.length).toBeGreaterThan(0);
    expect((await system.holdfast('prove', String(body['id']))).stdout).toContain('invalid');
  }, 60_000);

  it('no type: 202, then hf.invalid', async () => {
    const { status } = await post('{"id":"untyped","entity":"e","revision":1}');
    expect(status).toBe(202);
    expect((await invalid('the event without a type', ({ id }) => id === 'untyped')).faults.map(({ code }) => code).join()).toMatch(/type/);
  }, 30_000);

  it('a type no route takes: unrouted, in the ledger', async () => {
    await post('{"type":"invoice.made","id":"unrouted-1","entity":"e","revision":1}');
    await waitFor(async () => (await readAll(system)).facts.some((fact) => fact.id === 'unrouted-1' && fact.verdict === 'unrouted'), {
      what: 'the verdict unrouted',
      withinMs: 20_000,
      everyMs: 300,
    });
  }, 30_000);
});

describe("producers' records that cannot be decoded", () => {
  it('JSON that is none: hf.invalid with its position and bytes, and the partition goes on', async () => {
    await produce(erpTopic(system.prefix), [Buffer.from('not json'), good('after-json')]);
    await delivered('after-json');
    const event = await invalid(
      'the record that is no JSON',
      ({ origin, source }) => source === 'erp' && origin === `${erpTopic(system.prefix)}/0/0`,
    );
    expect(event.data.toString()).toBe('not json');
  }, 60_000);

  it('Avro with a bad magic byte, an unknown schema, cut short: each in hf.invalid, and the partition goes on', async () => {
    const schema = {
      type: 'record',
      name: 'Order',
      fields: ['type', 'id', 'entity'].map((name) => ({ name, type: 'string' })).concat([{ name: 'revision', type: 'int' }]),
    };
    const id = await new HttpRegistry(system.services.registryUrl).register(`${storeTopic(system.prefix)}-value`, JSON.stringify(schema));
    const head = (schemaId: number): Buffer => Buffer.from([0, ...Buffer.from(Uint32Array.of(schemaId).buffer).reverse()]);
    const body = avro.Type.forSchema(schema as never).toBuffer({
      type: 'order.updated',
      id: 'after-avro',
      entity: 'e-after-avro',
      revision: 1,
    });
    const bad = {
      magic: Buffer.concat([Buffer.from([7]), body]),
      unknown: Buffer.concat([head(987_654_321), body]),
      cut: Buffer.concat([head(id), body.subarray(0, 5)]),
      tiny: Buffer.from([0, 0]),
    };
    await produce(storeTopic(system.prefix), [...Object.values(bad), Buffer.concat([head(id), body])]);
    await delivered('after-avro');
    for (const [offset, [name, bytes]] of Object.entries(bad).entries()) {
      const event = await invalid(`the record with ${name}`, ({ origin }) => origin === `${storeTopic(system.prefix)}/0/${offset}`);
      expect(event.data.equals(bytes)).toBe(true);
      expect(event.faults.length).toBeGreaterThan(0);
    }
  }, 60_000);
});

describe('records in our own topics that our own reader cannot read', () => {
  it.each(['events', 'deliveries'] as const)(
    'in hf.%s: parked in hf.invalid, and the partition goes on',
    async (room) => {
      const topic = room === 'events' ? system.names.events : system.names.deliveries('portal');
      const garbage = Buffer.from(`garbage in ${room}`);
      await produce(topic, [garbage]);
      const { body } = await post(good(`after-${room}`));
      await delivered(String(body['id']));
      const parked = await waitFor(async () => (await readAll(system)).invalid.find((event) => event?.data.equals(garbage)) ?? null, {
        what: 'the garbage in hf.invalid',
        withinMs: 20_000,
        everyMs: 300,
      });
      expect(JSON.stringify([parked.origin, parked.attributes, parked.faults])).toContain(`${topic}/0/`);
      expect(system.handles.every((handle) => handle.isRunning)).toBe(true);
    },
    60_000,
  );
});

describe('the dlq-handler', () => {
  it('has written each invalid event to Postgres once', async () => {
    const expected = (await readAll(system)).invalid.length;
    expect(expected).toBeGreaterThanOrEqual(8);
    await waitFor(async () => (await system.app('dlq-handler').metrics()).sum('holdfast_invalid_depth') === expected, {
      what: `an invalid depth of ${expected}`,
      withinMs: 20_000,
      everyMs: 300,
    });
  }, 40_000);
});

describe('a destination that cannot be', () => {
  it('is refused by `holdfast check`', async () => {
    const file = `${system.folder}/bad.yaml`;
    writeFileSync(
      file,
      stringify(testConfiguration({ prefix: system.prefix, destinations: [{ name: 'portal', url: 'ftp://nowhere/{entity}' }] })),
    );
    const { code, stdout, stderr } = await system.holdfast('check', file);
    expect(code).toBe(2);
    expect(stdout + stderr).toMatch(/bad\.yaml:\d+/);
  }, 30_000);
});
