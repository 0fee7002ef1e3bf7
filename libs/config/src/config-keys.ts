import { configJsonSchema } from './config.schema.js';
import { NOT_IN_FORCE, type NotInForce } from './not-in-force.js';

/** One key that may stand in a configuration. `sources[].name`: in each item of a list; `headers.*`: under any name. */
export type ConfigKey = Readonly<{
  path: string;
  required: boolean;
  type: string;
  default: string;
  description: string;
  notInForce: string;
}>;

type Schema = {
  type?: string;
  const?: string | number | boolean;
  enum?: unknown[];
  pattern?: string;
  default?: unknown;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  additionalProperties?: Schema | boolean;
};

/** Every key of the schema, in its order: what docs/reference/config.md lists, and what the tests hold against the code. */
export function configKeys(schema: object = configJsonSchema()): ConfigKey[] {
  const keys = keysOf(schema, '');
  const told = new Map<string, ConfigKey>();
  for (const key of keys) {
    // Shapes of a choice share keys (the schemes of `verify`): each is told once, with all it may be.
    const before = told.get(key.path);
    const type = before && before.type !== key.type ? `${before.type} \\| ${key.type}` : key.type;
    told.set(key.path, { ...key, type });
  }
  return [...told.values()];
}

/** `{ file }` or `{ env }`: told as one type, not as keys. */
const isSecret = ({ properties }: Schema): boolean => properties !== undefined && Object.keys(properties).join() === 'file,env';

function keysOf(schema: Schema, prefix: string): ConfigKey[] {
  if (isSecret(schema)) return [];
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    return [keyOf(path, inner, schema.required?.includes(name) ?? false), ...keysOf(inner, path)];
  });
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return [
    ...below,
    ...choices.flatMap((choice) => keysOf(choice, prefix)),
    ...(schema.items ? keysOf(schema.items, `${prefix}[]`) : []),
    ...(typeof schema.additionalProperties === 'object' ? keysOf(schema.additionalProperties, `${prefix}.*`) : []),
  ];
}

function keyOf(path: string, schema: Schema, required: boolean): ConfigKey {
  const dormant = NOT_IN_FORCE.filter((entry) => covers(entry, path));
  return {
    path,
    required,
    type: typeOf(schema),
    default: schema.default === undefined || isEmptyMapping(schema.default) ? '' : JSON.stringify(schema.default),
    description: schema.description ?? '',
    notInForce: dormant.map(({ is, consequence }) => `${is ? `${is.join(', ')}: ` : ''}${consequence}`).join('; '),
  };
}

const isEmptyMapping = (value: unknown): boolean => JSON.stringify(value) === '{}';

/** Whether an entry of the list speaks of a key: of the key itself, or of all that stands below it. */
export function covers({ path, is }: NotInForce, key: string): boolean {
  const dotted = key.replaceAll('[]', '.*');
  return dotted === path || (is === undefined && dotted.startsWith(`${path}.`));
}

function typeOf(schema: Schema): string {
  if (isSecret(schema)) return 'secret';
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum) return schema.enum.map(String).join(' \\| ');
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (choices.length > 0) return [...new Set(choices.map(typeOf))].join(' or ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`;
  if (schema.pattern?.includes('(ms|s|m|h|d)')) return 'duration';
  if (schema.pattern?.includes('(B|KiB|MiB|GiB)')) return 'size';
  return (
    { string: 'text', integer: 'whole number', number: 'number', boolean: 'true or false', object: 'mapping' }[schema.type ?? ''] ?? 'any'
  );
}

/** The table of docs/reference/config.md. */
export function keyTable(): string {
  const keys = configKeys().filter(({ path }) => !/^topics\.retention\.\w+\.\w+$/.test(path)); // Told once, at `topics.retention`.
  const rows = keys.map(({ path, required, type, default: standing, description, notInForce }) => {
    const meaning = [description, notInForce && `**Not in force in this version** (${notInForce}).`].filter(Boolean).join(' ');
    return `| \`${path}\` | ${type} | ${required ? 'required' : standing && `\`${standing}\``} | ${meaning} |`;
  });
  return `${['| Key | Is | Default | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')}\n`;
}
