// Goal: a producer's Avro is read as avsc reads it, said as JSON; hostile bytes and schemas end in a code.
// Method: schemas of every Avro type against avsc's own encoder; cuts, random bytes and bombs.
import { describe, expect, it } from '@jest/globals';
import avro from 'avsc';
import fc from 'fast-check';
import { MemoryRegistry, openForeignDecoder } from './index.js';

const ORDER = {
  type: 'record',
  name: 'erp.Order',
  fields: [
    { name: 'orderId', type: 'string' },
    { name: 'version', type: 'long' },
    { name: 'paid', type: 'boolean' },
    { name: 'weight', type: 'double' },
    { name: 'ratio', type: 'float' },
    { name: 'state', type: { type: 'enum', name: 'State', symbols: ['NEW', 'SHIPPED'] } },
    { name: 'hash', type: { type: 'fixed', name: 'Hash', size: 4 } },
    { name: 'blob', type: 'bytes' },
    { name: 'note', type: ['null', 'string'] },
    { name: 'amount', type: ['int', 'double', { type: 'record', name: 'Money', fields: [{ name: 'cents', type: 'int' }] }] },
    { name: 'lines', type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'sku', type: 'string' }] } } },
    { name: 'more', type: { type: 'map', values: 'Line' } },
    { name: 'parent', type: ['null', 'Order'] },
    { name: 'changedAt', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
};

const order = (over: object = {}) => ({
  orderId: 'o-1',
  version: 7,
  paid: true,
  weight: 1.5,
  ratio: 0.25,
  state: 'SHIPPED',
  hash: Buffer.from([1, 2, 3, 4]),
  blob: Buffer.from('bl'),
  note: { string: 'hi' },
  amount: { 'erp.Money': { cents: 5 } },
  lines: [{ sku: 'a' }, { sku: 'b' }],
  more: { x: { sku: 'c' } },
  parent: null,
  changedAt: 1_760_000_000_000,
  ...over,
});

async function foreign(schema: object) {
  const registry = new MemoryRegistry();
  const id = await registry.register('erp.orders-value', JSON.stringify(schema));
  const header = Buffer.alloc(5);
  header.writeUInt32BE(id, 1);
  const decoder = openForeignDecoder(registry);
  return { id, decoder, record: (body: Uint8Array) => Buffer.concat([header, body]) };
}

describe('a producer’s Avro', () => {
  it('is said as JSON: unions unwrapped, bytes as base64, logical types as their numbers', async () => {
    const { decoder, record, id } = await foreign(ORDER);
    const type = avro.Type.forSchema(ORDER as never, { wrapUnions: true, registry: {} });
    const bytes = record(type.toBuffer(order({ parent: { 'erp.Order': order({ note: null, amount: { double: 2.5 } }) } })));
    expect(decoder.decodeSync(bytes)).toEqual({ ok: false, code: 'need-schema', schemaId: id });
    const decoded = await decoder.decode(bytes);
    const inner = { ...order(), hash: 'AQIDBA==', blob: 'Ymw=', note: null, amount: 2.5 };
    expect(decoded).toEqual({ ok: true, schemaId: id, value: { ...inner, note: 'hi', amount: { cents: 5 }, parent: inner } });
    expect(decoder.decodeSync(bytes)).toEqual(decoded);
  });

  it('keeps numbers exact: longs past 2^53 become text', async () => {
    const { decoder, record } = await foreign({ type: 'long' });
    const longs = avro.types.LongType.__with({
      fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
      toBuffer: (value: bigint) => (Buffer.alloc(8).writeBigInt64LE(value), ((b) => (b.writeBigInt64LE(value), b))(Buffer.alloc(8))),
      fromJSON: BigInt,
      toJSON: String,
      isValid: (value: unknown) => typeof value === 'bigint',
      compare: () => 0,
    });
    await fc.assert(
      fc.asyncProperty(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), async (value) => {
        const safe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
        expect(await decoder.decode(record(longs.toBuffer(value)))).toMatchObject({
          ok: true,
          value: safe ? Number(value) : value.toString(),
        });
      }),
    );
  });

  it('reads any value that avsc writes', async () => {
    const schema = { type: 'map', values: ['null', 'string', { type: 'array', items: 'int' }] };
    const { decoder, record } = await foreign(schema);
    const type = avro.Type.forSchema(schema as never, { wrapUnions: 'never' as never, registry: {} });
    const values = fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      fc.oneof(fc.constant(null), fc.string(), fc.array(fc.integer())),
    );
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const decoded = await decoder.decode(record(type.toBuffer(value)));
        expect(decoded.ok && JSON.parse(JSON.stringify(decoded.value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('hostile bytes', () => {
  it('end in a code wherever a record is cut', async () => {
    const { decoder, record } = await foreign(ORDER);
    const whole = record(avro.Type.forSchema(ORDER as never, { wrapUnions: true, registry: {} }).toBuffer(order()));
    for (let length = 5; length < whole.length; length++) {
      const decoded = await decoder.decode(whole.subarray(0, length));
      expect(decoded.ok ? 'ok' : decoded.code).toBe('truncated');
    }
  });

  it('cannot ask for many items, deep nesting or endless numbers', async () => {
    const nulls = await foreign({ type: 'array', items: 'null' });
    expect(await nulls.decoder.decode(nulls.record(Buffer.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0x0f, 0])))).toMatchObject({
      code: 'unreadable',
    });
    const tree = await foreign({ type: 'record', name: 'Node', fields: [{ name: 'next', type: ['null', 'Node'] }] });
    expect(await tree.decoder.decode(tree.record(Buffer.alloc(10_000, 2)))).toMatchObject({ code: 'unreadable' });
    const long = await foreign({ type: 'long' });
    expect(await long.decoder.decode(long.record(Buffer.alloc(40, 0xff)))).toMatchObject({ code: 'unreadable' });
  });

  it('a schema that is not Avro, or broken, makes its records unreadable and nothing else', async () => {
    const broken = await foreign({ type: 'record', name: 'R', fields: [{ name: 'a', type: 'NoSuchType' }] });
    expect(await broken.decoder.decode(broken.record(Buffer.from([0])))).toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining('NoSuchType'),
    });
  });

  it('keeps a map key that is a name of Object’s own as data', async () => {
    const { decoder, record } = await foreign({ type: 'map', values: 'string' });
    const body = Buffer.concat([Buffer.from([2, 18]), Buffer.from('__proto__'), Buffer.from([2]), Buffer.from('x'), Buffer.from([0])]);
    const decoded = await decoder.decode(record(body));
    expect(decoded.ok && JSON.stringify(decoded.value)).toBe('{"__proto__":"x"}');
  });
});
