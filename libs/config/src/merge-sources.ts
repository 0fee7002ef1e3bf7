import { isDeepStrictEqual } from 'node:util';
import type { ConfigFault } from './configuration.js';
import type { PathPart, Place, YamlSource } from './yaml-source.js';

/** Lists that several files may add to. */
const LISTS = ['sources', 'destinations', 'routes', 'eventTypes', 'alerts'];

export type Merged = Readonly<{ value: unknown; placeOf(path: readonly PathPart[]): Place; faults: readonly ConfigFault[] }>;

/** Several files as one configuration: lists one behind the other, any other key in one file only (or the same in all). */
export function mergeSources(sources: readonly YamlSource[]): Merged {
  const [only] = sources;
  if (sources.length === 1 && only) return { value: only.value, placeOf: (path) => only.placeOf(path), faults: [] };
  const value: Record<string, unknown> = {};
  const owners = new Map<string, YamlSource>();
  const items = new Map<string, { source: YamlSource; index: number }[]>();
  const faults: ConfigFault[] = [];
  for (const source of sources) {
    for (const [key, part] of Object.entries(mapping(source, faults))) {
      if (LISTS.includes(key) && Array.isArray(part)) {
        value[key] = [...((value[key] as unknown[] | undefined) ?? []), ...(part as unknown[])];
        items.set(key, [...(items.get(key) ?? []), ...part.map((_, index) => ({ source, index }))]);
        continue;
      }
      const owner = owners.get(key);
      if (owner && !isDeepStrictEqual(value[key], part)) faults.push(twice(source, owner, key));
      else value[key] = part;
      if (!owner) owners.set(key, source);
    }
  }
  const placeOf = (path: readonly PathPart[]): Place => {
    const [key, index, ...rest] = path;
    const item = typeof index === 'number' ? items.get(String(key))?.[index] : undefined;
    if (item) return item.source.placeOf([key!, item.index, ...rest]);
    const owner = owners.get(String(key)) ?? items.get(String(key))?.[0]?.source ?? sources[0];
    return owner ? owner.placeOf(path) : { file: '', line: 0, column: 0 };
  };
  return { value, placeOf, faults };
}

function mapping(source: YamlSource, faults: ConfigFault[]): object {
  if (typeof source.value === 'object' && source.value !== null && !Array.isArray(source.value)) return source.value;
  if (source.value !== null)
    faults.push({
      ...source.placeOf([]),
      path: '',
      problem: 'is not a mapping',
      mend: 'write keys such as sources: and routes: at the left margin',
    });
  return {};
}

const twice = (source: YamlSource, owner: YamlSource, key: string): ConfigFault => ({
  ...source.placeOf([key]),
  path: key,
  problem: `stands in ${owner.file} too, with another value`,
  mend: 'keep it in one of the files',
});
