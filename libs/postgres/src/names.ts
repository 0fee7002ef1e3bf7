/**
 * One schema a topic prefix, so that two installations may share a database: `hf.` → `holdfast_hf`, `a.b.` → `holdfast_a_b`.
 * Prefixes that differ only in their dots, dashes or capitals would meet; `holdfast check` cannot see the other installation.
 */
export function schemaNameOf(topicPrefix: string): string {
  const words = topicPrefix
    .toLowerCase()
    .replace(/[^a-z0-9]+$/, '')
    .replace(/[^a-z0-9]/g, '_');
  return `holdfast_${words}`.slice(0, SCHEMA_NAME_MAX_CHARS);
}

const SCHEMA_NAME_MAX_CHARS = 48;
const PLAIN_NAME = /^[a-z][a-z0-9_]{0,47}$/;

/** Schema names stand in statements as they are. */
export function plainName(name: string): string {
  if (!PLAIN_NAME.test(name)) throw new RangeError(`not a plain schema name: ${name}`);
  return name;
}
