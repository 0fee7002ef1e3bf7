// Goal: the real registry keeps the port's promises, and our codec works with it as a stock client's does.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { HttpRegistry, openCodec, openForeignDecoder, registerContract } from './index.js';
import { anEvent } from './testing/samples.js';
import { registryContract } from './testing/registry.contract.js';

const url = process.env['SCHEMA_REGISTRY_URL'];
if (!url) throw new Error('SCHEMA_REGISTRY_URL is not set: run these tests with npm run test:int');
const open = () => new HttpRegistry(url);

registryContract('over HTTP', open);

describe('our schemas in the real registry', () => {
  it('register once, stay under their ids, and are guarded', async () => {
    const registry = open();
    const first = await registerContract('Event', registry);
    expect(await registerContract('Event', registry)).toEqual({ ...first, isNew: false });
    expect(await registry.compatibility('holdfast.Event')).toBe('BACKWARD_TRANSITIVE');
  });

  it('a stock client reads what our codec wrote, and our codec what a stock client wrote', async () => {
    const codec = await openCodec(open(), { register: true });
    const stock = new SchemaRegistry({ host: url });
    const ours = codec.encode('Event', anEvent());
    expect(await stock.decode(ours)).toMatchObject({ id: 'evt-1', data: anEvent().data });
    const theirs = await stock.encode(ours.readUInt32BE(1), anEvent({ id: 'evt-2' }));
    expect(await codec.decode('Event', theirs)).toMatchObject({ ok: true, value: { id: 'evt-2' } });
  });

  it('a producer’s schema that refers to another is read with it', async () => {
    const [line, order] = [`erp.Line${randomUUID().replaceAll('-', '')}`, `order-${randomUUID()}`];
    const post = async (subject: string, body: object) => {
      const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
      const answer = await fetch(`${url}/subjects/${subject}/versions`, { method: 'POST', headers, body: JSON.stringify(body) });
      return ((await answer.json()) as { id: number }).id;
    };
    await post(line, { schema: JSON.stringify({ type: 'record', name: line, fields: [{ name: 'sku', type: 'string' }] }) });
    const schema = JSON.stringify({ type: 'record', name: 'erp.Order', fields: [{ name: 'line', type: line }] });
    const id = await post(order, { schema, references: [{ name: line, subject: line, version: 1 }] });
    const bytes = Buffer.from([0, 0, 0, 0, 0, 4, 97, 98]);
    bytes.writeUInt32BE(id, 1);
    expect(await openForeignDecoder(open()).decode(bytes)).toEqual({ ok: true, schemaId: id, value: { line: { sku: 'ab' } } });
  });
});

describe('a registry that is not well', () => {
  const answering = async (status: number, body: string): Promise<{ registry: HttpRegistry; close: () => void }> => {
    const server = createServer((_, response) => response.writeHead(status).end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { registry: new HttpRegistry(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), close: () => server.close() };
  };

  it.each([
    [500, 'down', 'unreachable', true],
    [429, 'slow down', 'unreachable', true],
    [401, 'who?', 'refused', false],
    [409, 'incompatible', 'incompatible', false],
    [200, '<html>', 'refused', false],
  ])('status %i (%s) is %s', async (status, body, code, retryable) => {
    const { registry, close } = await answering(status, body);
    try {
      await expect(registry.schemaById(1)).rejects.toMatchObject({ code, retryable });
    } finally {
      close();
    }
  });

  it('an address where nothing listens is told with the variable that mends it, and without its password', async () => {
    const failed = new HttpRegistry('http://u:hunter2@127.0.0.1:9').schemaById(1);
    await expect(failed).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('SCHEMA_REGISTRY_URL') });
    await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining('hunter2') });
  });
});
