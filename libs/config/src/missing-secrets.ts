import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { CompleteConfig } from './complete-config.js';
import type { RawFault } from './describe-issue.js';
import type { PathPart } from './yaml-source.js';

type Written = Readonly<{ file?: string; env?: string }>;

/**
 * Secrets that are not there. A missing file is a fault: its path is written in the configuration. A missing variable is
 * a warning: it belongs to where the apps run, which need not be here.
 */
export function missingSecrets(
  { credentials, sources, destinations, console }: CompleteConfig,
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
) {
  const faults: RawFault[] = [];
  const warnings: RawFault[] = [];
  for (const { path, ref } of secretsOf({ credentials, sources, destinations, console })) {
    if (ref.env !== undefined && !env[ref.env]) {
      warnings.push({ path, problem: `${ref.env} is not set here`, mend: 'set it where the apps run' });
    }
    const why = ref.file === undefined ? null : unreadable(resolve(folder, ref.file));
    if (why) {
      const mend = 'write the secret into that file (its path is relative to this one), readable for the user that runs Holdfast';
      faults.push({ path, problem: `${ref.file} ${why}`, mend });
    }
  }
  return { faults, warnings };
}

/** Every `{ file }` or `{ env }`; the schema has no other mapping of only these keys. */
function secretsOf(value: unknown, path: readonly PathPart[] = []): { path: readonly PathPart[]; ref: Written }[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, n) => secretsOf(item, [...path, n]));
  const keys = Object.keys(value);
  if (keys.length > 0 && keys.every((key) => key === 'file' || key === 'env')) return [{ path, ref: value }];
  return Object.entries(value).flatMap(([key, inner]) => secretsOf(inner, [...path, key]));
}

function unreadable(path: string): string | null {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return 'is not a file';
    if (stat.size === 0) return 'is empty';
    accessSync(path, constants.R_OK);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? 'is not there'
      : `cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
}
