import type { Fault } from '#libs/domain/src/index.js';

/**
 * What a body says, for the values of its envelope. The body itself is kept byte for byte whatever is found here: a body that
 * is not what it says becomes a fault, and the event goes to `hf.invalid` once it is durable.
 */
export type BodyKind = 'json' | 'form' | 'text' | 'opaque';
export type ReadBody = Readonly<{ value: unknown; fault: Fault | null }>;

/** Deeper JSON than this is a fault: later stages walk it recursively. */
export const JSON_DEPTH_MAX = 64;
const FORM_FIELDS_MAX = 1_000;
/** A run of so many digits may be a number that a double cannot hold. */
const EXACT_DIGITS = 16;
/** Longer integers are kept as text: nobody counts with them. */
const EXACT_DIGITS_MAX = 100;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
const lenientUtf8 = new TextDecoder('utf-8');

/**
 * The kind of body a content type announces; null when the source does not take it. Absent counts as JSON.
 * `listed` are lower-case media types without parameters; null stands for any JSON type, form and text.
 */
export function decideBodyKind(contentType: string | undefined, listed: readonly string[] | null): BodyKind | null {
  if (contentType === undefined || contentType.trim() === '') return 'json';
  const media = contentType.split(';', 1)[0]!.trim().toLowerCase();
  const kind = kindOf(media);
  if (listed !== null) return listed.includes(media) ? kind : null;
  return kind === 'opaque' ? null : kind;
}

function kindOf(media: string): BodyKind {
  if (media === 'application/json' || media === 'text/json' || /^[a-z]+\/[^/\s]+\+json$/.test(media)) return 'json';
  if (media === 'application/x-www-form-urlencoded') return 'form';
  return media.startsWith('text/') && media.length > 5 ? 'text' : 'opaque';
}

export function readBody(kind: BodyKind, bytes: Buffer): ReadBody {
  switch (kind) {
    case 'json':
      return readJson(bytes);
    case 'form':
      return { value: readForm(lenientUtf8.decode(bytes)), fault: null };
    case 'text':
      return { value: lenientUtf8.decode(bytes), fault: null };
    case 'opaque':
      return { value: undefined, fault: null };
  }
}

export function readJson(bytes: Buffer): ReadBody {
  if (bytes.length === 0)
    return faulty('malformed-json', 'The body is empty where JSON was announced. Send a JSON document, or another content type.');
  const { depth, exact } = scan(bytes);
  if (depth > JSON_DEPTH_MAX) return faulty('too-deep', `The JSON is nested deeper than ${JSON_DEPTH_MAX} levels. Flatten it.`);
  let text: string;
  try {
    text = strictUtf8.decode(bytes);
  } catch {
    return faulty('not-utf8', 'The body is not UTF-8, which JSON has to be. Encode it as UTF-8.');
  }
  try {
    return { value: exact ? JSON.parse(text, keepExact) : JSON.parse(text), fault: null };
  } catch (error) {
    return faulty('malformed-json', `The body is not JSON: ${reasonOf(error)}. Send what the content type announces.`);
  }
}

const faulty = (code: string, message: string): ReadBody => ({ value: undefined, fault: { pointer: '', code, message } });

/** V8 quotes the text around the place; the place alone is enough, and a body's words do not belong in a message. */
function reasonOf(error: unknown): string {
  const at = /position (\d+)/.exec(error instanceof Error ? error.message : '');
  return at ? `it breaks at character ${at[1]}` : 'it ends too early or is not a value';
}

/** Integers past 2^53 stay exact, or two orders with long numbers for ids would become one. */
function keepExact(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  if (source === undefined || !/^-?\d+$/.test(source)) return value;
  return source.length <= EXACT_DIGITS_MAX ? BigInt(source) : source;
}

/** JSON of what {@link readJson} read, its long integers as they were written. */
export const renderJson = (value: unknown): string =>
  JSON.stringify(value, (_key, one: unknown) =>
    typeof one === 'bigint' ? (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(one)) : one,
  ) ?? 'null';

/** One pass over the bytes outside strings: the deepest nesting, and whether a number might be too long for a double. */
function scan(bytes: Buffer): { depth: number; exact: boolean } {
  let level = 0;
  let depth = 0;
  let digits = 0;
  let exact = false;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (inString) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inString = false;
      continue;
    }
    if (byte >= 0x30 && byte <= 0x39) {
      if (++digits >= EXACT_DIGITS) exact = true;
      continue;
    }
    digits = 0;
    if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) depth = Math.max(depth, ++level);
    else if (byte === 0x7d || byte === 0x5d) level--;
  }
  return { depth, exact };
}

/** A form as an object; a field that repeats becomes a list. Fields past the bound are not looked at. */
function readForm(text: string): Record<string, unknown> {
  const fields: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    if (++count > FORM_FIELDS_MAX) break;
    const before = fields[name];
    fields[name] = before === undefined ? value : Array.isArray(before) ? [...(before as unknown[]), value] : [before, value];
  }
  return fields;
}
