import type { z } from 'zod';
import { halves, nearest } from './says.js';
import type { PathPart } from './yaml-source.js';

/** A fault before it has a place: the path is of the configuration as written. */
export type RawFault = Readonly<{ path: readonly PathPart[]; problem: string; mend: string }>;
type Issue = z.core.$ZodIssue;
type JsonSchema = {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  additionalProperties?: JsonSchema | boolean;
};

/** Says zod's issues in our words. Never shows a value: it may be a secret in the wrong place. */
export function describeIssues(issues: readonly Issue[], written: unknown, schema: object): RawFault[] {
  return issues.flatMap((issue) => describe(issue, [], written, schema));
}

function describe(issue: Issue, parent: readonly PathPart[], written: unknown, schema: object): RawFault[] {
  const path = [...parent, ...(issue.path as PathPart[])];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key, written, schema));
  const deeper = issue.code === 'invalid_union' ? closest(issue.errors) : null;
  if (deeper) return deeper.flatMap((inner) => describe(inner, path, written, schema));
  const { problem, mend } = halves(issue.message);
  if (valueAt(written, path) === undefined && issue.code !== 'custom') {
    return [{ path, problem: 'is missing', mend: mend ?? `add ${String(path.at(-1))}: ${wanted(issue)}` }];
  }
  return [mend === null ? plain(issue, path) : { path, problem, mend }];
}

/** Of a union's branches the one that went deepest is the one that was meant. */
function closest(branches: readonly (readonly Issue[])[]): readonly Issue[] | null {
  const deep = branches.filter((issues) => issues.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'));
  return deep.length === 1 ? deep[0]! : null;
}

function unknownKey(path: readonly PathPart[], key: string, written: unknown, schema: object): RawFault {
  const known = knownKeys(schema, path, written);
  const meant = nearest(key, known);
  const mend = meant ? `did you mean ${meant}?` : `remove it; known here: ${known.join(', ') || 'nothing'}`;
  return { path: [...path, key], problem: 'is not a key that is known here', mend };
}

/** The keys that may stand at a path; where there is a choice of shapes, those of the shape whose constants fit. */
function knownKeys(schema: JsonSchema, path: readonly PathPart[], written: unknown): string[] {
  let nodes = [schema];
  path.forEach((part, depth) => {
    nodes = nodes
      .flatMap(shapes)
      .filter((node) => fits(node, valueAt(written, path.slice(0, depth))))
      .flatMap((node) => (typeof part === 'number' ? node.items : node.properties?.[part]) ?? []);
  });
  const found = nodes.flatMap(shapes).filter((node) => fits(node, valueAt(written, path)));
  return [...new Set(found.flatMap((node) => Object.keys(node.properties ?? {})))];
}

const shapes = (node: JsonSchema): JsonSchema[] => (node.anyOf ?? node.oneOf)?.flatMap(shapes) ?? [node];

const fits = (node: JsonSchema, value: unknown): boolean =>
  Object.entries(node.properties ?? {}).every(([key, inner]) => !('const' in inner) || valueAt(value, [key]) === inner.const);

function plain(issue: Issue, path: readonly PathPart[]): RawFault {
  switch (issue.code) {
    case 'invalid_type':
      return { path, problem: `is not ${article(issue.expected)}`, mend: `write ${wanted(issue)}` };
    case 'invalid_value':
      return { path, problem: 'is not one of the known words', mend: `write one of ${issue.values.map(String).join(', ')}` };
    case 'too_small':
      return {
        path,
        problem: 'is too small',
        mend: `${issue.origin === 'array' ? 'give' : 'write'} ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`,
      };
    case 'too_big':
      return { path, problem: 'is too large', mend: `${issue.origin === 'array' ? 'give' : 'write'} at most ${issue.maximum}` };
    default:
      return { path, problem: 'is not what may stand here', mend: 'see docs/reference/config.md' };
  }
}

function wanted(issue: Issue): string {
  if (issue.code === 'invalid_value') return issue.values.map(String).join(' | ');
  if (issue.code !== 'invalid_type') return '…';
  switch (issue.expected) {
    case 'array':
      return 'a list (- …)';
    case 'object':
    case 'record':
      return 'keys and values, indented below it';
    case 'int':
    case 'number':
      return 'a number';
    case 'boolean':
      return 'true or false';
    default:
      return 'text, in quotes if it looks like a number';
  }
}

const article = (expected: string): string =>
  ({
    array: 'a list',
    object: 'a mapping',
    record: 'a mapping',
    string: 'text',
    int: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
  })[expected] ?? expected;

export function valueAt(value: unknown, path: readonly PathPart[]): unknown {
  return path.reduce<unknown>(
    (node, part) => (typeof node === 'object' && node !== null ? (node as Record<PathPart, unknown>)[part] : undefined),
    value,
  );
}

/** `destinations.portal.http.url`: items of lists by their names where they have one. */
export function pathText(path: readonly PathPart[], written: unknown): string {
  return path
    .map((part, depth) => {
      if (typeof part !== 'number') return depth === 0 ? part : `.${part}`;
      const name = valueAt(written, [...path.slice(0, depth + 1), 'name']);
      return typeof name === 'string' && /^[\w-]{1,63}$/.test(name) ? `.${name}` : `[${part}]`;
    })
    .join('');
}
