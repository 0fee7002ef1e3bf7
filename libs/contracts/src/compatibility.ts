import avro from 'avsc';

/** An older schema and how to name it in a message. */
export type OlderSchema = Readonly<{ name: string; schema: string }>;

/**
 * Backward, transitive: a reader with `schema` must read what was written with each of the `older` ones. Retained
 * records are read for as long as their topic keeps them, so the newest alone is not enough.
 *
 * @returns one sentence per older schema that could not be read; empty when all can
 */
export function compatibilityFaults(schema: string, older: readonly OlderSchema[]): string[] {
  const reader = parseAvro(schema);
  return older.flatMap(({ name, schema: text }) => {
    try {
      reader.createResolver(parseAvro(text));
      return [];
    } catch (error) {
      return [`records written with ${name} could not be read any more: ${(error as Error).message}`];
    }
  });
}

/** A type with a registry of its own: two versions of one name must not meet. */
export function parseAvro(schema: string, references: readonly string[] = []): avro.Type {
  const registry = {};
  for (const reference of references) avro.Type.forSchema(JSON.parse(reference) as avro.Schema, { registry });
  return avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { registry });
}
