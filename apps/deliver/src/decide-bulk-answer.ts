import { asText, at, parseExact } from '#libs/domain/src/index.js';

/** Where an answer tells what became of each item of a bulk request. `pointer` '' is the whole answer. */
export type BulkResults = Readonly<{
  pointer: string;
  /** How a result names its item: by what stands at the item's `key`, by its place (from 0), or by standing in the same order. */
  names: Readonly<{ kind: 'id'; pointer: string }> | Readonly<{ kind: 'index'; pointer: string }> | Readonly<{ kind: 'order' }>;
  /** A status as of HTTP, true or false, or one of `statuses`. Null: whatever is listed was refused. */
  status: string | null;
  statuses: Readonly<Record<string, number>>;
  error: string | null;
  /** `failures`: an item that the answer does not list was taken. */
  lists: 'all' | 'failures';
}>;

export type BulkAnswer = Readonly<{ status: number; body: string | null }>;

/**
 * What one item learns.
 * `as-a-whole`: the answer's own status is the item's. `again`: it was not looked at, and goes again without the others.
 * `untold`: the partner took the request and does not say what became of this item: nobody knows.
 */
export type ItemAnswer =
  | Readonly<{ kind: 'as-a-whole' }>
  | Readonly<{ kind: 'answered'; status: number; body: string }>
  | Readonly<{ kind: 'again' }>
  | Readonly<{ kind: 'untold'; why: string }>;

const AS_A_WHOLE: ItemAnswer = { kind: 'as-a-whole' };
const AGAIN: ItemAnswer = { kind: 'again' };
const MAY_HAVE_TAKEN: ItemAnswer = { kind: 'untold', why: 'the request was refused, and may have taken this item (batch.atomic: false)' };
/** What refuses a whole request for what may be the fault of one item. */
const REFUSES_AS_A_WHOLE: readonly number[] = [400, 409, 413, 422];
const textMaxLength = 8_192;

/**
 * Decides what each item of a bulk request learns from its one answer. Pure. `keys`: what stands at each item's `key`.
 *
 * A refusal of the whole that names no culprit sends every item again in smaller requests, so that in the end the bad one stands
 * alone; one that names culprits sends the others again. Only where a refused request takes nothing (`atomic`): elsewhere
 * nobody knows of those whom the answer does not name.
 */
export function decideBulkAnswer(
  answer: BulkAnswer,
  keys: readonly (string | null)[],
  { results, atomic }: Readonly<{ results: BulkResults | null; atomic: boolean }>,
): readonly ItemAnswer[] {
  const isTaken = answer.status >= 200 && answer.status < 300;
  const all = (one: ItemAnswer): readonly ItemAnswer[] => keys.map(() => one);
  const isSplit = REFUSES_AS_A_WHOLE.includes(answer.status) && keys.length > 1;
  const unnamed = isSplit ? (atomic ? AGAIN : MAY_HAVE_TAKEN) : AS_A_WHOLE;
  if (results === null) return all(isTaken ? AS_A_WHOLE : unnamed);

  const { list, isReadable } = listOf(answer.body, results.pointer);
  if (list === null) {
    if (!isTaken) return all(unnamed);
    if (results.lists === 'failures' && isReadable) return all(AS_A_WHOLE);
    return all({ kind: 'untold', why: `the answer has no list of results${results.pointer && ` at ${results.pointer}`}` });
  }
  const named = byItem(list, keys, results);
  if (named === null) return all(isTaken ? { kind: 'untold', why: `${list.length} results for ${keys.length} items` } : unnamed);
  const missing: ItemAnswer = isTaken
    ? results.lists === 'failures'
      ? AS_A_WHOLE
      : { kind: 'untold', why: 'the answer has no result for this item' }
    : unnamed;
  return keys.map((_, n) => (named.has(n) ? itemAnswer(named.get(n), results) : missing));
}

function listOf(body: string | null, pointer: string): { list: readonly unknown[] | null; isReadable: boolean } {
  if (body === null || body.trim() === '') return { list: null, isReadable: true };
  const read = parseExact(body);
  if (!read) return { list: null, isReadable: false };
  const found = at(read.value, pointer);
  return { list: Array.isArray(found) ? found : null, isReadable: found === undefined || found === null };
}

/** Results by the item's place; null: they cannot be told apart. */
function byItem(
  list: readonly unknown[],
  keys: readonly (string | null)[],
  { names, lists }: BulkResults,
): ReadonlyMap<number, unknown> | null {
  if (names.kind === 'order') {
    // A list of failures alone says nothing by its order, unless it is empty.
    return (lists === 'all' && list.length === keys.length) || list.length === 0 ? new Map(list.entries()) : null;
  }
  const places = names.kind === 'id' ? new Map(keys.map((key, n) => [key, n])) : null;
  const found = new Map<number, unknown>();
  for (const result of list) {
    const name = asText(at(result, names.pointer));
    const place = name === null ? undefined : places ? places.get(name) : placeOf(name);
    if (place !== undefined && place in keys && !found.has(place)) found.set(place, result);
  }
  return found;
}

/** Digits alone: an empty text is no place, and not the first. */
const placeOf = (name: string): number | undefined => (/^\d{1,9}$/.test(name) ? Number(name) : undefined);

function itemAnswer(result: unknown, { status: pointer, statuses, error }: BulkResults): ItemAnswer {
  const status = pointer === null ? 422 : statusOf(at(result, pointer), statuses);
  if (status === null) return { kind: 'untold', why: `the result for this item has no status at ${pointer}` };
  const said = error === null ? result : (at(result, error) ?? result);
  return { kind: 'answered', status, body: (typeof said === 'string' ? said : JSON.stringify(said)).slice(0, textMaxLength) };
}

function statusOf(value: unknown, statuses: BulkResults['statuses']): number | null {
  const text = asText(value);
  if (text === null) return null;
  if (Object.hasOwn(statuses, text)) return statuses[text]!;
  if (typeof value === 'boolean') return value ? 200 : 422;
  const number = Number(text);
  return Number.isInteger(number) && number >= 200 && number <= 599 ? number : null;
}
