// Goal: what is encoded is what is decoded, for any value; and no bytes whatever make the reader throw, hang or grow.
// Method: fast-check over the records, over cuts of them, over random bytes, and planted bombs; the registry is in memory.
import { beforeAll, describe, expect, it } from '@jest/globals';
import avro from 'avsc';
import fc from 'fast-check';
import type { HoldfastEvent } from '#libs/domain/src/index.js';
import { type Codec, currentSchema, MemoryRegistry, openCodec, RegistryError } from './index.js';
import { aCommand, aDelivery, aFact, anEvent } from './testing/samples.js';

let registry: MemoryRegistry;
let codec: Codec;
beforeAll(async () => {
  registry = new MemoryRegistry();
  codec = await openCodec(registry, { register: true });
});

const ms = fc.integer({ min: 0, max: 4_102_444_800_000 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const text = fc.string({ unit: 'grapheme' });
const events: fc.Arbitrary<HoldfastEvent> = fc.record({
  id: text,
  source: text,
  type: text,
  subject: text,
  time: maybe(ms),
  datacontenttype: maybe(text),
  dataschema: maybe(text),
  data: fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  correlationid: text,
  traceparent: maybe(text),
  revision: maybe(text),
  schemaversion: maybe(text),
  receivedat: ms,
  idempotencykey: text,
  origin: maybe(text),
  attributes: fc.dictionary(
    text.filter((key) => key !== '__proto__'),
    text,
  ),
  faults: fc.array(fc.record({ pointer: text, code: text, message: text }), { maxLength: 5 }),
});
/** avsc gives class instances and null-prototype objects; what counts is what they hold. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('round trips', () => {
  it('gives back any event', () => {
    fc.assert(
      fc.property(events, (event) => {
        const decoded = codec.decodeSync('Event', codec.encode('Event', event));
        expect(decoded.ok && plain(decoded.value)).toEqual(plain(event));
        expect(decoded.ok && decoded.value.data.equals(event.data)).toBe(true);
      }),
    );
  });

  it('gives back a delivery with its event and history, a fact and a command', () => {
    for (const [kind, value] of [
      ['Delivery', aDelivery()],
      ['Fact', aFact()],
      ['Command', aCommand()],
    ] as const) {
      const decoded = codec.decodeSync(kind, codec.encode(kind, value as never));
      expect(decoded.ok && plain(decoded.value)).toEqual(plain(value));
    }
  });

  it('has exactly the fields of the domain types', () => {
    const fields = (kind: 'Event' | 'Delivery' | 'Fact' | 'Command') =>
      (JSON.parse(currentSchema(kind)) as { fields: { name: string }[] }).fields.map(({ name }) => name).sort();
    expect(fields('Event')).toEqual(Object.keys(anEvent()).sort());
    expect(fields('Delivery')).toEqual(Object.keys(aDelivery()).sort());
    expect(fields('Fact')).toEqual(Object.keys(aFact()).sort());
    expect(fields('Command')).toEqual(Object.keys(aCommand()).sort());
  });

  it('encodes records larger than a slab, and leaves what was encoded before as it was', () => {
    const small = codec.encode('Event', anEvent({ id: 'small' }));
    const copy = Buffer.from(small);
    const large = codec.encode('Event', anEvent({ data: Buffer.alloc(3_000_000, 7) }));
    for (let n = 0; n < 2_000; n++) codec.encode('Event', anEvent({ id: `e${n}` }));
    expect(small.equals(copy)).toBe(true);
    const decoded = codec.decodeSync('Event', large);
    expect(decoded.ok && decoded.value.data.length).toBe(3_000_000);
  });

  it('refuses to encode what is not the type: a bug of ours', () => {
    expect(() => codec.encode('Event', { ...anEvent(), id: 7 as never })).toThrow();
  });
});

describe('bytes that are not ours', () => {
  const code = (bytes: Buffer) => {
    const decoded = codec.decodeSync('Event', bytes);
    return decoded.ok ? 'ok' : decoded.code;
  };

  it('names a wrong magic byte, a short header and an unknown schema', async () => {
    expect(code(Buffer.from('{"id":1}'))).toBe('bad-magic');
    expect(code(Buffer.alloc(0))).toBe('truncated');
    expect(code(Buffer.from([0, 0, 0]))).toBe('truncated');
    expect(code(Buffer.from([0, 0, 0, 3, 231, 1]))).toBe('need-schema');
    expect(await codec.decode('Event', Buffer.from([0, 0, 0, 3, 231, 1]))).toMatchObject({ ok: false, code: 'unknown-schema' });
    const readsBefore = registry.reads;
    expect(code(Buffer.from([0, 0, 0, 3, 231, 1]))).toBe('unknown-schema');
    expect(registry.reads).toBe(readsBefore);
  });

  it('never accepts a cut record, wherever it is cut, nor one with bytes too many', () => {
    const whole = codec.encode('Event', anEvent({ data: Buffer.from('body') }));
    for (let length = 0; length < whole.length; length++) expect(['truncated', 'unreadable']).toContain(code(whole.subarray(0, length)));
    expect(code(Buffer.concat([whole, Buffer.from([0])]))).toBe('unreadable');
  });

  it('answers any bytes with a value or a code', () => {
    const header = codec.encode('Event', anEvent()).subarray(0, 5);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(['ok', 'truncated', 'unreadable']).toContain(code(Buffer.concat([header, bytes])));
      }),
    );
  });

  it('is not made to allocate by an announced length or count', () => {
    const whole = codec.encode('Event', anEvent({ data: Buffer.alloc(0), attributes: {}, faults: [] }));
    const bomb = Buffer.concat([whole.subarray(0, whole.length - 1), Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f])]); // 2^31-1 faults follow.
    const startedMs = performance.now();
    expect(code(bomb)).toBe('unreadable');
    expect(performance.now() - startedMs).toBeLessThan(100);
  });

  it('reads a record of another kind as unreadable, not as nonsense', () => {
    expect(code(codec.encode('Command', aCommand()))).toBe('unreadable');
  });
});

describe('evolution', () => {
  it('reads records of an older and of a newer writer', async () => {
    const current = JSON.parse(currentSchema('Event')) as { fields: { name: string }[] };
    const older = { ...current, fields: current.fields.filter(({ name }) => name !== 'attributes' && name !== 'revision') };
    const newer = { ...current, fields: [...current.fields, { name: 'tenant', type: ['null', 'string'], default: null }] };
    for (const schema of [older, newer]) {
      const id = await registry.register('test.Event', JSON.stringify(schema));
      const body = avro.Type.forSchema(schema as never, { registry: {} }).toBuffer({ ...anEvent(), tenant: 'acme' });
      const header = Buffer.alloc(5);
      header.writeUInt32BE(id, 1);
      const decoded = await codec.decode('Event', Buffer.concat([header, body]));
      expect(decoded).toMatchObject({ ok: true, value: { id: 'evt-1', attributes: schema === older ? {} : { partition: '3' } } });
    }
  });

  it('refuses to open on a registry without our schemas and names the mend', async () => {
    await expect(openCodec(new MemoryRegistry())).rejects.toMatchObject({
      code: 'not-registered',
      message: expect.stringContaining('holdfast schemas register'),
    });
    await expect(openCodec(new MemoryRegistry())).rejects.toBeInstanceOf(RegistryError);
  });

  it('asks once for an id, however many records wait for it', async () => {
    const id = await registry.register('test.Other', JSON.stringify({ type: 'record', name: 'Other', fields: [] }));
    const readsBefore = registry.reads;
    await Promise.all(Array.from({ length: 20 }, () => codec.learn(id)));
    expect(registry.reads).toBe(readsBefore + 1);
  });
});
