import type avro from 'avsc';
import { AvroCursor, AvroFault } from './avro-cursor.js';
import { compileAvro, type AvroSchema, type Walk } from './avro-reader.js';
import { parseAvro } from './compatibility.js';
import type { Codec, ContractKind, Contracts, Decoded, NeedSchema } from './codec.port.js';
import { RegistryError } from './errors.js';
import type { RegisteredSchema, SchemaPublisher, SchemaReader } from './registry.port.js';
import { SchemaCache } from './schema-cache.js';
import { CONTRACT_KINDS, currentSchema, subjectOf } from './schema-files.js';
import { fault, HEADER_BYTES, schemaIdOf, unknownSchema, writeHeader } from './wire-format.js';

/** Records are written one behind the other into slabs of this size, without a copy. */
const SLAB_BYTES = 256 * 1024;

type Own = Readonly<{ type: avro.Type; id: number }>;
/** How one kind reads what one writer's schema wrote; a text instead says why it cannot. */
type Reader = Readonly<{ guard: Walk; resolver: ReturnType<avro.Type['createResolver']> | undefined }>;
type Writer = Readonly<{ schema: RegisteredSchema; readers: Map<ContractKind, Reader | string> }>;

/**
 * The codec over a registry that has our schemas.
 *
 * @param register  registers what is missing (tests, `npm start`); otherwise a missing schema is an error that names the mend
 * @throws RegistryError `unreachable`, `not-registered`
 */
export function openCodec(registry: SchemaReader): Promise<Codec>;
export function openCodec(registry: SchemaPublisher, options: { register: boolean }): Promise<Codec>;
export async function openCodec(registry: SchemaReader | SchemaPublisher, options: { register?: boolean } = {}): Promise<Codec> {
  const own = {} as Record<ContractKind, Own>;
  for (const kind of CONTRACT_KINDS) {
    const schema = currentSchema(kind);
    const id = options.register
      ? await (registry as SchemaPublisher).register(subjectOf(kind), schema)
      : await registry.idOf(subjectOf(kind), schema);
    if (id === null) {
      throw new RegistryError(
        'not-registered',
        `the registry does not have the current schema of ${subjectOf(kind)}; run: npx holdfast schemas register`,
      );
    }
    own[kind] = { type: parseAvro(schema), id };
  }
  const codec = new AvscCodec(own, registry);
  for (const { id } of Object.values(own)) await codec.learn(id); // So that our own records never wait.
  return codec;
}

class AvscCodec implements Codec {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;
  readonly #writers: SchemaCache<Writer>;

  constructor(
    private readonly own: Readonly<Record<ContractKind, Own>>,
    registry: SchemaReader,
  ) {
    this.#writers = new SchemaCache(registry, (schema) => ({ schema, readers: new Map() }));
  }

  encode<K extends ContractKind>(kind: K, value: Contracts[K]): Buffer {
    const { type, id } = this.own[kind];
    const start = this.#used;
    const end = this.#slab.length - start > HEADER_BYTES ? type.encode(value, this.#slab, start + HEADER_BYTES) : -1;
    if (end < 0) return this.#encodeInFreshRoom(type, id, value, HEADER_BYTES - end);
    writeHeader(this.#slab, start, id);
    this.#used = end;
    return this.#slab.subarray(start, end);
  }

  decodeSync<K extends ContractKind>(kind: K, bytes: Buffer): Decoded<Contracts[K]> | NeedSchema {
    const schemaId = schemaIdOf(bytes);
    if (typeof schemaId !== 'number') return schemaId;
    const writer = this.#writers.get(schemaId);
    if (writer.kind === 'not-asked') return { ok: false, code: 'need-schema', schemaId };
    if (writer.kind === 'unknown') return unknownSchema(schemaId);
    const reader = this.#readerOf(kind, writer.compiled);
    if (typeof reader === 'string') return fault('unreadable', reader);
    try {
      const cursor = new AvroCursor(bytes, HEADER_BYTES);
      reader.guard(cursor);
      if (!cursor.atEnd) return fault('unreadable', `${bytes.length - cursor.position} bytes too many`);
      const { value } = this.own[kind].type.decode(bytes, HEADER_BYTES, reader.resolver) as { value: Contracts[K] };
      return { ok: true, value };
    } catch (error) {
      if (error instanceof AvroFault) return fault(error.code, error.message);
      return fault('unreadable', (error as Error).message);
    }
  }

  async decode<K extends ContractKind>(kind: K, bytes: Buffer): Promise<Decoded<Contracts[K]>> {
    const first = this.decodeSync(kind, bytes);
    if (first.ok || first.code !== 'need-schema') return first;
    await this.learn(first.schemaId);
    const second = this.decodeSync(kind, bytes);
    return !second.ok && second.code === 'need-schema' ? unknownSchema(first.schemaId) : second;
  }

  learn(schemaId: number): Promise<boolean> {
    return this.#writers.learn(schemaId);
  }

  /** `missing` is how much avsc found wanting at the slab's end, so what fits twice that fits. */
  #encodeInFreshRoom(type: avro.Type, id: number, value: unknown, missing: number): Buffer {
    const left = this.#slab.length - this.#used;
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, left + missing + HEADER_BYTES));
    const end = type.encode(value, this.#slab, HEADER_BYTES);
    if (end < 0) throw new RangeError(`a record of ${left + missing} bytes did not fit its own size`);
    writeHeader(this.#slab, 0, id);
    this.#used = end;
    return this.#slab.subarray(0, end);
  }

  #readerOf(kind: ContractKind, writer: Writer): Reader | string {
    const known = writer.readers.get(kind);
    if (known !== undefined) return known;
    const made = this.#makeReader(kind, writer.schema);
    writer.readers.set(kind, made);
    return made;
  }

  #makeReader(kind: ContractKind, { schema, references, id, type }: RegisteredSchema): Reader | string {
    if (type !== 'AVRO') return `schema ${id} is ${type}, not Avro`;
    try {
      const guard = compileAvro(
        JSON.parse(schema) as AvroSchema,
        'pass',
        references.map((text) => JSON.parse(text) as AvroSchema),
      );
      const own = this.own[kind];
      return { guard, resolver: id === own.id ? undefined : own.type.createResolver(parseAvro(schema, references)) };
    } catch (error) {
      return `schema ${id} cannot be read as ${subjectOf(kind)}: ${(error as Error).message}`;
    }
  }
}
