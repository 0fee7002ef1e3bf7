import { AvroFault, type AvroCursor } from './avro-cursor.js';

/** A schema as Avro's JSON says it. */
export type AvroSchema = string | AvroSchema[] | (Readonly<Record<string, unknown>> & { type: unknown });
/** Walks one value; gives it as JSON can say it, or only passes over it. */
export type Walk = (cursor: AvroCursor) => unknown;
export type WalkMode = 'read' | 'pass';

type Names = Map<string, Walk>;
type Scope = Readonly<{ names: Names; namespace: string; mode: WalkMode }>;

/**
 * Compiles a schema to closures.
 *
 * `read` gives JSON-able values: bytes and fixed as base64 text, longs beyond 2^53 as text, unions unwrapped, logical
 * types as their underlying value. `pass` gives nothing and is the bounds check before avsc reads our own records.
 *
 * @param references  schemas it builds on, in the order to parse them
 */
export function compileAvro(schema: AvroSchema, mode: WalkMode, references: readonly AvroSchema[] = []): Walk {
  const scope: Scope = { names: new Map(), namespace: '', mode };
  for (const reference of references) compile(reference, scope);
  return compile(schema, scope);
}

function compile(schema: AvroSchema, scope: Scope): Walk {
  if (typeof schema === 'string') return primitive(schema, scope.mode) ?? named(schema, scope);
  if (Array.isArray(schema)) return union(schema, scope);
  const { type } = schema;
  if (typeof type !== 'string') return compile(type as AvroSchema, scope);
  switch (type) {
    case 'record':
    case 'error':
      return record(schema, scope);
    case 'array':
      return array(compile(schema['items'] as AvroSchema, scope), scope.mode);
    case 'map':
      return map(compile(schema['values'] as AvroSchema, scope), scope.mode);
    case 'enum':
      return declare(schema, scope, () => symbols(schema['symbols'] as string[]));
    case 'fixed':
      return declare(schema, scope, () => fixed(schema['size'] as number, scope.mode));
    default:
      return primitive(type, scope.mode) ?? named(type, scope);
  }
}

function primitive(name: string, mode: WalkMode): Walk | null {
  const pass = mode === 'pass';
  switch (name) {
    case 'null':
      return () => null;
    case 'boolean':
      return (cursor) => cursor.byte() !== 0;
    case 'int':
    case 'long':
      return pass ? (cursor) => cursor.skipVarint() : (cursor) => plain(cursor.long());
    case 'float':
      return (cursor) => number(cursor, 4);
    case 'double':
      return (cursor) => number(cursor, 8);
    case 'bytes':
      return pass ? (cursor) => cursor.skip(cursor.length()) : (cursor) => text(cursor, cursor.length(), 'base64');
    case 'string':
      return pass ? (cursor) => cursor.skip(cursor.length()) : (cursor) => text(cursor, cursor.length(), 'utf8');
    default:
      return null;
  }
}

const plain = (value: number | bigint): number | string => (typeof value === 'number' ? value : value.toString());

/** JSON has no word for NaN and the infinities: they become null. */
function number(cursor: AvroCursor, size: 4 | 8): number | null {
  const at = cursor.position;
  cursor.skip(size);
  const value = size === 4 ? cursor.bytes.readFloatLE(at) : cursor.bytes.readDoubleLE(at);
  return Number.isFinite(value) ? value : null;
}

function text(cursor: AvroCursor, length: number, encoding: 'utf8' | 'base64'): string {
  const at = cursor.position;
  cursor.skip(length);
  return cursor.bytes.toString(encoding, at, at + length);
}

function union(branches: AvroSchema[], scope: Scope): Walk {
  const walks = branches.map((branch) => compile(branch, scope));
  return (cursor) => walks[cursor.choice(walks.length)]!(cursor);
}

function array(item: Walk, mode: WalkMode): Walk {
  return (cursor) => {
    const items: unknown[] = [];
    for (let count = cursor.block(); count > 0; count = cursor.block()) {
      for (let n = 0; n < count; n++) {
        const found = item(cursor);
        if (mode === 'read') items.push(found);
      }
    }
    return items;
  };
}

function map(value: Walk, mode: WalkMode): Walk {
  return (cursor) => {
    const entries: [string, unknown][] = [];
    for (let count = cursor.block(); count > 0; count = cursor.block()) {
      for (let n = 0; n < count; n++) {
        const key = text(cursor, cursor.length(), 'utf8');
        const found = value(cursor);
        if (mode === 'read') entries.push([key, found]);
      }
    }
    return Object.fromEntries(entries);
  };
}

function record(schema: Exclude<AvroSchema, string | AvroSchema[]>, scope: Scope): Walk {
  return declare(schema, scope, (inner) => {
    const fields = (schema['fields'] as { name: string; type: AvroSchema }[]).map(({ name, type }) => ({
      name,
      walk: compile(type, inner),
    }));
    if (scope.mode === 'pass') {
      return (cursor) => {
        cursor.enter();
        for (const field of fields) field.walk(cursor);
        cursor.leave();
      };
    }
    return (cursor) => {
      cursor.enter();
      const value = Object.fromEntries(fields.map((field) => [field.name, field.walk(cursor)]));
      cursor.leave();
      return value;
    };
  });
}

const symbols =
  (names: readonly string[]): Walk =>
  (cursor) =>
    names[cursor.choice(names.length)];

const fixed = (size: number, mode: WalkMode): Walk =>
  mode === 'pass' ? (cursor) => cursor.skip(size) : (cursor) => text(cursor, size, 'base64');

/** Makes a named type known before its inside is compiled, so that it may hold itself. */
function declare(schema: Exclude<AvroSchema, string | AvroSchema[]>, scope: Scope, make: (inner: Scope) => Walk): Walk {
  const full = fullName(String(schema['name']), (schema['namespace'] as string | undefined) ?? scope.namespace);
  let walk: Walk = () => {
    throw new AvroFault('unreadable', `${full} is not complete`);
  };
  scope.names.set(full, (cursor) => walk(cursor));
  const dot = full.lastIndexOf('.');
  walk = make({ ...scope, namespace: dot < 0 ? '' : full.slice(0, dot) });
  scope.names.set(full, walk);
  return walk;
}

function named(name: string, scope: Scope): Walk {
  const walk = scope.names.get(fullName(name, scope.namespace)) ?? scope.names.get(name);
  if (!walk) throw new AvroFault('unreadable', `the schema names a type it does not have: ${name}`);
  return walk;
}

const fullName = (name: string, namespace: string): string => (name.includes('.') || namespace === '' ? name : `${namespace}.${name}`);
