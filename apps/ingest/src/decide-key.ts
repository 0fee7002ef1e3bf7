import { canonicalJson, lookUp, pointerTokens, readText, type Place, type ValueFrom, type ValuePlan, planValue } from './decide-values.js';

/** One part of an idempotency key, as the configuration names it. A `digest` without pointers is taken over the whole body. */
export type KeyPart =
  | Readonly<{ kind: 'id' | 'entity' | 'revision' | 'time' }>
  | Readonly<{ kind: 'digest'; pointers: readonly string[] }>
  | Extract<ValueFrom, { kind: 'pointer' | 'header' }>;

type Part =
  | Readonly<{ kind: 'id' | 'entity' | 'revision' | 'time' }>
  | Readonly<{ kind: 'digest'; tokens: readonly (readonly string[])[] }>
  | Readonly<{ kind: 'value'; from: ValuePlan }>;
export type KeyPlan = Readonly<{ parts: readonly Part[]; namesEntity: boolean }>;

/** The values of the envelope that a key may name; null where the sender named none. */
export type Named = Readonly<{ id: string; type: string; entity: string | null; revision: string | null; timeMs: number | null }>;
export type Hash = (text: string) => string;
export type KeyDecision = Readonly<{ key: string; subject: string; fallback: string | null }>;

const KEY_VALUE_MAX_CHARS = 4_096;

export function planKey(parts: readonly KeyPart[]): KeyPlan {
  const planned = parts.map((part): Part => {
    if (part.kind === 'pointer' || part.kind === 'header') return { kind: 'value', from: planValue(part) };
    if (part.kind === 'digest') return { kind: 'digest', tokens: part.pointers.length === 0 ? [[]] : part.pointers.map(pointerTokens) };
    return part;
  });
  // Written in any order, the same parts make the same key: two sources of one event type need not agree on it.
  const order = ['id', 'entity', 'revision', 'time', 'value', 'digest'];
  planned.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  return { parts: planned, namesEntity: planned.some(({ kind }) => kind === 'id' || kind === 'entity') };
}

/**
 * What dedupe claims, and the entity it belongs to. Keys are hashed values without the names of their places, so that the same
 * change arriving by webhook and by topic is one event; the entity is always part of it (rule 15).
 *
 * A part that finds nothing never becomes an empty value: all events without a revision would be one. The event then has its
 * own id for a key, and `fallback` says which part was missing.
 * Where neither the source nor the key names an entity (a digest of content), the key is the entity too: equal content has to
 * meet in one partition, or nothing could see that it is equal.
 */
export function decideKey(plan: KeyPlan, named: Named, place: Place, hash: Hash): KeyDecision {
  const values: string[] = [];
  for (const part of plan.parts) {
    const value = valueOf(part, named, place);
    if (value === null) return { ...ownKey(named, hash), fallback: nameOf(part) };
    values.push(part.kind, value);
  }
  if (named.entity === null && !plan.namesEntity) {
    const key = hash(JSON.stringify([named.type, '', ...values]));
    return { key, subject: key, fallback: null };
  }
  const subject = named.entity ?? named.id;
  return { key: hash(JSON.stringify([named.type, subject, ...values])), subject, fallback: null };
}

/** The key of an event that nothing else may double: its own id. */
export function ownKey({ id, type, entity }: Named, hash: Hash): Readonly<{ key: string; subject: string }> {
  const subject = entity ?? id;
  return { key: hash(JSON.stringify([type, subject, 'id', id])), subject };
}

/** Apart from the keys of good events: a corrected event that is sent again under its id is no duplicate of the faulty one. */
export function faultyKey({ id, entity }: Named, source: string, hash: Hash): Readonly<{ key: string; subject: string }> {
  return { key: hash(JSON.stringify(['faulty', source, id])), subject: entity ?? id };
}

function valueOf(part: Part, named: Named, place: Place): string | null {
  switch (part.kind) {
    case 'id':
      return named.id;
    case 'entity':
      return named.entity ?? named.id;
    case 'revision':
      return named.revision;
    case 'time':
      return named.timeMs === null ? null : String(named.timeMs);
    case 'value':
      return readText(part.from, place, { name: 'key', maxChars: KEY_VALUE_MAX_CHARS }).text;
    case 'digest': {
      const found = part.tokens.map((tokens) => lookUp(place.value, tokens));
      return found.every((value) => value === undefined)
        ? null
        : found.map((value) => (value === undefined ? '-' : canonicalJson(value))).join('\n');
    }
  }
}

const nameOf = (part: Part): string => {
  if (part.kind !== 'value') return part.kind;
  return part.from.kind === 'pointer' ? part.from.pointer : part.from.kind === 'header' ? `header:${part.from.name}` : 'literal';
};
