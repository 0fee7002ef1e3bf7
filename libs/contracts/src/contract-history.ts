import { join } from 'node:path';
import type { ContractKind } from './codec.port.js';
import { compatibilityFaults } from './compatibility.js';
import type { SchemaPublisher } from './registry.port.js';
import { currentSchema, SCHEMA_FOLDER, schemaHistory, subjectOf } from './schema-files.js';

export type ContractFinding = Readonly<{
  kind: ContractKind;
  schema: string;
  /** One sentence per older version whose records could not be read any more. */
  faults: readonly string[];
  /** Versions that were compared; null: no registry was asked. */
  history: number;
  registered: number | null;
  /** The current schema is not the newest of the history. */
  isUnrecorded: boolean;
}>;

/** Compares the current schema with every older one: those committed, and those a registry has, because their records may still be retained. */
export async function checkContract(
  kind: ContractKind,
  registry: SchemaPublisher | null,
  folder = SCHEMA_FOLDER,
): Promise<ContractFinding> {
  const schema = currentSchema(kind, folder);
  const history = schemaHistory(kind, folder);
  const registered = registry ? await registry.versions(subjectOf(kind)) : null;
  const older = [
    ...history,
    ...(registered ?? []).map((version) => ({ name: `the registry's version ${version.version}`, schema: version.schema })),
  ];
  return {
    kind,
    schema,
    faults: compatibilityFaults(schema, older),
    history: history.length,
    registered: registered?.length ?? null,
    isUnrecorded: history.at(-1)?.schema !== schema,
  };
}

export const historyPath = (kind: ContractKind, version: number, folder = SCHEMA_FOLDER): string =>
  join(folder, 'history', subjectOf(kind), `${version}.avsc`);

export type Registered = Readonly<{ subject: string; id: number; isNew: boolean }>;

/**
 * Registers the current schema of a kind, guarded: the subject is BACKWARD_TRANSITIVE before anything new stands in it
 * wherever the registry allows that, and afterwards in any case (some registries set nothing for a subject without versions).
 */
export async function registerContract(kind: ContractKind, registry: SchemaPublisher, folder = SCHEMA_FOLDER): Promise<Registered> {
  const subject = subjectOf(kind);
  const schema = currentSchema(kind, folder);
  const before = await registry.idOf(subject, schema);
  if ((await registry.versions(subject)).length > 0) await guard(subject, registry);
  const id = await registry.register(subject, schema);
  await guard(subject, registry);
  return { subject, id, isNew: before === null };
}

async function guard(subject: string, registry: SchemaPublisher): Promise<void> {
  if ((await registry.compatibility(subject)) !== 'BACKWARD_TRANSITIVE') await registry.setCompatibility(subject, 'BACKWARD_TRANSITIVE');
}
