import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigFault } from './configuration.js';
import type { Merged } from './merge-sources.js';
import { nearest } from './says.js';
import type { PathPart, YamlSource } from './yaml-source.js';

const FOLDER = 'credentials';
/** What an environment may have of its own, by the list it is in. Anything else is the same everywhere. */
const OWN = { destinations: ['auth', 'tls', 'signing'], sources: ['secrets'] } as const;
type List = keyof typeof OWN;
type Tree = Record<string, unknown>;

/** `credentials/<environment>.yaml` beside the configuration; null when there is none. `others`: environments that have one. */
export function overlayFileOf(folder: string, environment: string): { file: string | null; others: string[] } {
  let names: string[];
  try {
    names = readdirSync(join(folder, FOLDER)).filter((name) => /^[^.].*\.ya?ml$/.test(name));
  } catch {
    return { file: null, others: [] };
  }
  const own = names.find((name) => name.replace(/\.ya?ml$/, '') === environment);
  return { file: own ? join(folder, FOLDER, own) : null, others: names.map((name) => name.replace(/\.ya?ml$/, '')).sort() };
}

/**
 * The configuration with the credentials of one environment in it. A part that the overlay names takes the place of the whole
 * part, so that no half of another environment's credentials stays. What stands in it is then judged by the schema as if it stood
 * in the configuration, and every fault is shown where it is written.
 */
export function overlaid(merged: Merged, source: YamlSource): Merged {
  const base = isTree(merged.value) ? merged.value : {};
  const value: Tree = { ...base };
  const moved = new Map<string, readonly PathPart[]>();
  const faults: ConfigFault[] = [...merged.faults];
  const fault = (path: readonly PathPart[], problem: string, mend: string): void =>
    void faults.push({ ...source.placeOf(path), path: path.join('.'), problem, mend });
  const over = isTree(source.value) ? source.value : {};
  if (!isTree(source.value) && source.value !== null) fault([], 'is not a mapping', 'write destinations: { <name>: { auth: { … } } }');
  for (const [key, part] of Object.entries(over)) {
    if (key === 'tokenKeys') {
      value['credentials'] = { ...(isTree(base['credentials']) ? base['credentials'] : {}), tokenKeys: below(part) };
      moved.set('credentials.tokenKeys', ['tokenKeys']);
    } else if (key === 'destinations' || key === 'sources') {
      value[key] = overList(key, base[key], part);
    } else {
      fault([key], 'is not a key that is known here', 'known here: tokenKeys, destinations, sources');
    }
  }

  function overList(list: List, written: unknown, part: unknown): unknown {
    const items = Array.isArray(written) ? [...(written as unknown[])] : [];
    const names = items.map((item) => (isTree(item) ? String(item['name']) : ''));
    for (const [name, own] of Object.entries(isTree(part) ? part : {})) {
      const index = names.indexOf(name);
      const meant = nearest(name, names);
      if (index < 0) fault([list, name], `names none of the ${list}`, meant ? `did you mean ${meant}?` : `use one of ${names.join(', ')}`);
      else items[index] = overItem(list, items[index] as Tree, { index, name, own });
    }
    return written === undefined ? undefined : items;
  }

  function overItem(list: List, item: Tree, { index, name, own }: { index: number; name: string; own: unknown }): Tree {
    let copy = item;
    for (const [key, part] of Object.entries(isTree(own) ? own : {})) {
      const from = [list, name, key];
      if (!(OWN[list] as readonly string[]).includes(key)) {
        fault(from, 'is not a key that is known here', `known here: ${OWN[list].join(', ')}; the rest is the same in every environment`);
      } else if (list === 'destinations') {
        copy = { ...copy, [key]: below(part) };
        moved.set([list, index, key].join('.'), from);
      } else {
        const webhook = isTree(copy['webhook']) ? copy['webhook'] : {};
        const verify = isTree(webhook['verify']) ? webhook['verify'] : {};
        copy = { ...copy, webhook: { ...webhook, verify: { ...verify, secrets: below(part) } } };
        moved.set([list, index, 'webhook', 'verify', 'secrets'].join('.'), from);
      }
    }
    return copy;
  }

  return {
    value,
    faults,
    placeOf: (path) => {
      for (let length = path.length; length > 0; length--) {
        const from = moved.get(path.slice(0, length).join('.'));
        if (from) return source.placeOf([...from, ...path.slice(length)]);
      }
      return merged.placeOf(path);
    },
  };
}

/** Paths are relative to the file that names them, and this one lies a folder deeper. */
function below(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(below);
  if (!isTree(value)) return value;
  const { file } = value;
  if (typeof file === 'string' && Object.keys(value).every((key) => key === 'file' || key === 'env'))
    return { ...value, file: file.startsWith('/') ? file : join(FOLDER, file) };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, below(inner)]));
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);
