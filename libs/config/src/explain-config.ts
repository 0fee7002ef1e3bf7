import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import type { Explained } from './load-config.js';
import { notInForce } from './not-in-force.js';
import type { PathPart } from './yaml-source.js';

type Shown = Readonly<{ value: object; written: unknown; path: readonly PathPart[]; dormant: readonly (readonly PathPart[])[] }>;

/** The whole configuration as YAML that could be written so, each default marked as one. Secrets stand in it as references only. */
export function explainConfig({ written, complete }: Explained): string {
  const dormant = notInForce(complete).map(({ path }) => path);
  return `${linesOf({ value: complete, written, path: [], dormant }).join('\n')}\n`;
}

function linesOf({ value, written, path, dormant }: Shown): string[] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    if (inner === undefined) return [];
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    const given = memberOf(written, key);
    const head = Array.isArray(value) ? '-' : `${text(key)}:`;
    if (isOnOneLine(inner)) return [`${head} ${text(inner)}${mark(given === undefined, isDormant(at, dormant))}`];
    const below = linesOf({ value: inner, written: given, path: at, dormant });
    // An item's first key stands beside its dash, as people write it.
    return Array.isArray(value)
      ? below.map((line, n) => (n === 0 ? `- ${line}` : `  ${line}`))
      : [head, ...below.map((line) => `  ${line}`)];
  });
}

const isOnOneLine = (value: unknown): value is string | number | boolean | null | object[] =>
  typeof value !== 'object' ||
  value === null ||
  Object.values(value).every((item) => typeof item !== 'object' && Array.isArray(value)) ||
  Object.keys(value).length === 0;

const isDormant = (at: readonly PathPart[], dormant: Shown['dormant']): boolean =>
  dormant.some((path) => isDeepStrictEqual(at.slice(0, path.length), path));

function mark(isDefault: boolean, isDormantHere: boolean): string {
  const words = [...(isDefault ? ['default'] : []), ...(isDormantHere ? ['not in force in this version'] : [])];
  return words.length === 0 ? '' : ` # ${words.join(', ')}`;
}

const memberOf = (written: unknown, key: string): unknown =>
  typeof written === 'object' && written !== null ? (written as Record<string, unknown>)[key] : undefined;

/** On one line, quoted where YAML needs it. */
const text = (value: unknown): string =>
  stringify(value, { lineWidth: 0, collectionStyle: 'flow' })
    .trimEnd()
    .replace(/^\[ (.*) \]$/, '[$1]');
