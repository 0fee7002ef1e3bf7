import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ContractKind } from './codec.port.js';
import type { OlderSchema } from './compatibility.js';

export const CONTRACT_KINDS: readonly ContractKind[] = ['Event', 'Delivery', 'Fact', 'Command'];

/** A subject has its record's name: any topic may carry the record, and the id in each value says which schema. */
export const subjectOf = (kind: ContractKind): string => `holdfast.${kind}`;

/** `schemas/` of this repository, from the compiled file (dist/libs/contracts/src). */
export const SCHEMA_FOLDER = fileURLToPath(new URL('../../../../schemas', import.meta.url));

/** The current schema of a kind as compact JSON text. */
export function currentSchema(kind: ContractKind, folder = SCHEMA_FOLDER): string {
  return compact(currentPath(kind, folder));
}

export const currentPath = (kind: ContractKind, folder = SCHEMA_FOLDER): string => join(folder, `${subjectOf(kind)}.avsc`);

/** The committed history of a kind, oldest first; `version` is the number in the file's name. */
export function schemaHistory(kind: ContractKind, folder = SCHEMA_FOLDER): (OlderSchema & { version: number })[] {
  const place = join(folder, 'history', subjectOf(kind));
  if (!existsSync(place)) return [];
  return readdirSync(place)
    .flatMap((file) => {
      const match = /^(\d+)\.avsc$/.exec(file);
      return match
        ? [{ version: Number(match[1]), name: `schemas/history/${subjectOf(kind)}/${file}`, schema: compact(join(place, file)) }]
        : [];
    })
    .sort((a, b) => a.version - b.version);
}

const compact = (path: string): string => JSON.stringify(JSON.parse(readFileSync(path, 'utf8')));
