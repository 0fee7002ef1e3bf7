import type { Fault } from '#libs/domain/src/index.js';

/** Where a value comes from (libs/config), with the pointer cut into its tokens once. */
export type ValueFrom =
  | Readonly<{ kind: 'pointer'; pointer: string }>
  | Readonly<{ kind: 'header'; name: string }>
  | Readonly<{ kind: 'literal'; value: string }>;
export type ValuePlan =
  | Readonly<{ kind: 'pointer'; pointer: string; tokens: readonly string[] }>
  | Readonly<{ kind: 'header'; name: string }>
  | Readonly<{ kind: 'literal'; value: string }>;

/** What values are read from: the decoded body (undefined when there is none) and the headers by lower-case name. */
export type Place = Readonly<{ value: unknown; header(name: string): string | undefined }>;
export type Reading = Readonly<{ text: string | null; fault: Fault | null }>;

const NOTHING: Reading = { text: null, fault: null };

export function planValue(from: ValueFrom): ValuePlan {
  return from.kind === 'pointer' ? { ...from, tokens: pointerTokens(from.pointer) } : from;
}

/** RFC 6901: `~1` is a slash, `~0` a tilde, in this order. */
export function pointerTokens(pointer: string): string[] {
  if (pointer === '') return [];
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** What a pointer finds; undefined for nothing. Own properties only, so that no body can name a prototype's. */
export function lookUp(root: unknown, tokens: readonly string[]): unknown {
  let here = root;
  for (const token of tokens) {
    if (typeof here !== 'object' || here === null) return undefined;
    if (Array.isArray(here)) {
      if (!/^(?:0|[1-9]\d{0,8})$/.test(token)) return undefined;
      here = here[Number(token)] as unknown;
    } else {
      if (!Object.hasOwn(here, token)) return undefined;
      here = (here as Record<string, unknown>)[token];
    }
  }
  return here;
}

/** Text, a number or a boolean as one canonical text: 1, 1.0 and 1e0 are the same. Null for anything else. */
export function scalarText(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return Object.is(value, -0) ? '0' : String(value);
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return null;
  }
}

/**
 * Reads one value as bounded text. Nothing, null and '' all count as absent. What cannot be a name (an object, a control
 * character, too much of it) is a fault: such text would travel as a record key, a header and a database column.
 */
export function readText(plan: ValuePlan | null, place: Place, field: { name: string; maxChars: number }): Reading {
  if (plan === null) return NOTHING;
  if (plan.kind === 'literal') return { text: plan.value, fault: null };
  const found = plan.kind === 'header' ? place.header(plan.name) : lookUp(place.value, plan.tokens);
  if (found === undefined || found === null || found === '') return NOTHING;
  const text = scalarText(found);
  const fault = text === null ? 'not-a-scalar' : text.length > field.maxChars ? 'too-long' : unprintable(text) ? 'unprintable' : null;
  return fault === null ? { text, fault: null } : { text: null, fault: describe(fault, plan, field) };
}

// Control characters break header lines and databases; lone surrogates would be replaced, and two names become one.
const unprintable = (text: string): boolean => /[\u0000-\u001f\u007f]/.test(text) || !text.isWellFormed();

export const whereOf = (plan: ValuePlan): string =>
  plan.kind === 'pointer'
    ? `at ${plan.pointer || 'the whole body'}`
    : plan.kind === 'header'
      ? `in the header ${plan.name}`
      : 'in the configuration';

function describe(code: 'not-a-scalar' | 'too-long' | 'unprintable', plan: ValuePlan, field: { name: string; maxChars: number }): Fault {
  const message = {
    'not-a-scalar': `The ${field.name} ${whereOf(plan)} is not a text, number or boolean. Send a plain value there.`,
    'too-long': `The ${field.name} ${whereOf(plan)} is longer than ${field.maxChars} characters. Shorten it.`,
    unprintable: `The ${field.name} ${whereOf(plan)} has control characters or broken Unicode. Leave them out.`,
  }[code];
  return { pointer: plan.kind === 'pointer' ? plan.pointer : '', code, message };
}

/** One text for equal JSON values: keys sorted, numbers canonical. The depth is bounded by the reader of the body. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.keys(value).sort();
    return `{${entries.map((key) => `${JSON.stringify(key)}:${canonicalJson((value as Record<string, unknown>)[key])}`).join(',')}}`;
  }
  if (typeof value === 'string') return JSON.stringify(value);
  return scalarText(value) ?? 'null';
}
