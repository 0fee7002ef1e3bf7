import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import semver from 'semver';
import type { Check } from './check-sources.js';
import type { CompleteConfig } from './complete-config.js';
import type { RawFault } from './describe-issue.js';
import { durationMs } from './units.js';

const TIMEOUT_MAX_MS = 60_000;
const FILE_MAX_BYTES = 256 * 1024;

/** Checks of routes' transforms that need more than one key to see. */
export function checkTransforms({ routes, sources }: CompleteConfig): Check {
  const found: Check = { faults: [], warnings: [] };
  routes.forEach((route, index) => {
    const at = ['routes', index];
    if (route.transform && route.transforms)
      found.faults.push({ path: [...at, 'transforms'], problem: 'stands beside transform', mend: 'keep one of them' });
    for (const { one, path } of transformsOf(route, at)) {
      if (durationMs(one.timeout) < 1 || durationMs(one.timeout) > TIMEOUT_MAX_MS)
        found.faults.push({ path: [...path, 'timeout'], problem: 'is not between 1ms and 60s', mend: 'write such as 1s' });
    }
    route.transforms?.forEach(({ schemaVersions }, n) => {
      if (schemaVersions === undefined) return;
      const path = [...at, 'transforms', n, 'schemaVersions'];
      if (semver.validRange(schemaVersions) === null)
        found.faults.push({ path, problem: 'is not a range of versions', mend: 'write such as "1", ">=2" or "1 || 3"' });
      const without = sources.filter(
        ({ name, topic, event }) => route.from.includes(name) && event.schemaVersion === undefined && topic?.format !== 'avro',
      );
      if (without.length === 0) return;
      const names = without.map(({ name }) => name).join(', ');
      const mend = `add event: { schemaVersion: … } to ${names}, or a transform without schemaVersions behind it`;
      found.warnings.push({ path, problem: `asks for a schema version, which ${names} does not give`, mend });
    });
  });
  return found;
}

/** Files of transforms that are not there, or no JSONata. What a handler does is seen where it runs. */
export function faultyTransforms({ routes }: CompleteConfig, folder: string): RawFault[] {
  return routes.flatMap((route, index) =>
    transformsOf(route, ['routes', index]).flatMap(({ one, path }): RawFault[] => {
      const [key, written] = one.jsonata === undefined ? ['handler', one.handler] : ['jsonata', one.jsonata];
      if (written === undefined) return [];
      const file = resolve(folder, written);
      const why = unusable(file);
      const mend = 'write the transform into that file; its path is relative to this one';
      if (why !== null) return [{ path: [...path, key], problem: `${written} ${why}`, mend }];
      const wrong = key === 'jsonata' ? syntaxFault(readFileSync(file, 'utf8')) : null;
      if (wrong === null) return [];
      return [{ path: [...path, key], problem: `${written} is not JSONata: ${wrong}`, mend: 'correct the expression (docs.jsonata.org)' }];
    }),
  );
}

/** The language is loaded where there is something to read in it, and not in every app. */
function syntaxFault(text: string): string | null {
  try {
    (createRequire(import.meta.url)('jsonata') as (text: string) => unknown)(text);
    return null;
  } catch (error) {
    const { message, position } = error as { message?: string; position?: number };
    return `${message ?? 'it cannot be read'}${position === undefined ? '' : ` (at character ${position})`}`;
  }
}

function transformsOf({ transform, transforms }: CompleteConfig['routes'][number], at: RawFault['path']) {
  return [
    ...(transform ? [{ one: transform, path: [...at, 'transform'] }] : []),
    ...(transforms ?? []).map((one, n) => ({ one, path: [...at, 'transforms', n] })),
  ];
}

function unusable(path: string): string | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return 'is not there';
  if (!stat.isFile()) return 'is not a file';
  return stat.size > FILE_MAX_BYTES ? 'is larger than 256 KiB' : null;
}
