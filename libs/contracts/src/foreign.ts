import { AvroCursor, AvroFault } from './avro-cursor.js';
import { compileAvro, type AvroSchema, type Walk } from './avro-reader.js';
import type { DecodeFault, ForeignDecoder, ForeignValue, NeedSchema } from './codec.port.js';
import type { RegisteredSchema, SchemaReader } from './registry.port.js';
import { SchemaCache } from './schema-cache.js';
import { fault, HEADER_BYTES, schemaIdOf, unknownSchema } from './wire-format.js';

/** Reads producers' own Avro by the id in each value, with our own bounded reader: nothing in it is trusted. */
export function openForeignDecoder(registry: SchemaReader): ForeignDecoder {
  const cache = new SchemaCache<Walk | string>(registry, compileForeign);

  const decodeSync = (bytes: Buffer): ForeignValue | DecodeFault | NeedSchema => {
    const schemaId = schemaIdOf(bytes);
    if (typeof schemaId !== 'number') return schemaId;
    const cached = cache.get(schemaId);
    if (cached.kind === 'not-asked') return { ok: false, code: 'need-schema', schemaId };
    if (cached.kind === 'unknown') return unknownSchema(schemaId);
    return typeof cached.compiled === 'string' ? fault('unreadable', cached.compiled) : read(cached.compiled, bytes, schemaId);
  };

  return {
    decodeSync,
    learn: (schemaId) => cache.learn(schemaId),
    async decode(bytes) {
      const first = decodeSync(bytes);
      if (first.ok || first.code !== 'need-schema') return first;
      await cache.learn(first.schemaId);
      const second = decodeSync(bytes);
      return !second.ok && second.code === 'need-schema' ? unknownSchema(first.schemaId) : second;
    },
  };
}

function compileForeign({ schema, references, id, type }: RegisteredSchema): Walk | string {
  if (type !== 'AVRO') return `schema ${id} is ${type}, not Avro`;
  try {
    return compileAvro(
      JSON.parse(schema) as AvroSchema,
      'read',
      references.map((text) => JSON.parse(text) as AvroSchema),
    );
  } catch (error) {
    return `schema ${id} is not a schema we can read: ${(error as Error).message}`;
  }
}

function read(walk: Walk, bytes: Buffer, schemaId: number): ForeignValue | DecodeFault {
  try {
    const cursor = new AvroCursor(bytes, HEADER_BYTES);
    const value = walk(cursor);
    return cursor.atEnd ? { ok: true, value, schemaId } : fault('unreadable', `${bytes.length - cursor.position} bytes too many`);
  } catch (error) {
    if (error instanceof AvroFault) return fault(error.code, error.message);
    throw error;
  }
}
