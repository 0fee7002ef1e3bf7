import type { Fault, HistoryEntry } from '#libs/domain/src/index.js';

/**
 * Decides which dead letters are the same trouble: one signature for one place, class, status and kind of message, whatever
 * ids, numbers and texts stand in it. Pure. `group` is stable over releases: a change of these rules makes new groups.
 */
export type Signature = Readonly<{ group: string; sample: string }>;

const INPUT_MAX_CHARS = 2_000;
const SAMPLE_MAX_CHARS = 500;
const NORMALISED_MAX_CHARS = 200;
/** Where partners put their word for what is wrong: RFC 9457, and the common habits. */
const MESSAGE_FIELDS = ['code', 'error', 'message', 'title', 'detail', 'error_description', 'type'];

export function decideSignature(of: Readonly<{ place: string; class: string; status: number | null; message: string }>): Signature {
  const text = [of.place, of.class, of.status ?? '-', normaliseMessage(of.message)].join('|');
  return { group: fnv1a64(text), sample: of.message.slice(0, SAMPLE_MAX_CHARS) };
}

/** What the last attempt says of the trouble; the reason when it says nothing. */
export function messageOfAttempt(last: HistoryEntry | undefined, reason: string): string {
  return last?.error ?? messageOfBody(last?.body ?? null) ?? reason;
}

/** Field errors as one line: which codes at which places; array indexes are numbers and fall together. */
export const messageOfFaults = (faults: readonly Fault[]): string =>
  faults.map(({ pointer, code }) => `${code} at ${pointer || '(body)'}`).join(', ');

/** Ids, numbers, quoted texts, addresses and spans of time become placeholders; the rest in lower case. */
export function normaliseMessage(message: string): string {
  return message
    .slice(0, INPUT_MAX_CHARS)
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<uuid>')
    .replace(/"[^"]*"|'[^']*'|`[^`]*`/g, '<text>')
    .replace(/\b(?=[0-9a-f]*[0-9])[0-9a-f]{8,}\b/gi, '<hex>')
    .replace(/[0-9]+(?:[.,:][0-9]+)*/g, '<n>')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase()
    .slice(0, NORMALISED_MAX_CHARS);
}

function messageOfBody(body: string | null): string | null {
  if (!body) return null;
  const words = wordsIn(parseJson(body.slice(0, INPUT_MAX_CHARS)));
  return words.length > 0 ? words.join(': ') : body.slice(0, INPUT_MAX_CHARS);
}

function wordsIn(value: unknown): string[] {
  if (value === null || typeof value !== 'object') return [];
  const fields = value as Record<string, unknown>;
  return MESSAGE_FIELDS.flatMap((name) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return typeof field === 'string' ? [field] : wordsIn(field);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** FNV-1a, 64 bits, in hex: short, stable, and made of nothing but arithmetic. Not against an adversary: a clash joins two groups. */
function fnv1a64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const char of text) hash = BigInt.asUintN(64, (hash ^ BigInt(char.codePointAt(0)!)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
}
