import { checkConfig } from './check-config.js';
import { completeConfig } from './complete-config.js';
import { configSchema } from './config.schema.js';
import type { RawFault } from './describe-issue.js';

const LISTS = ['sources', 'destinations', 'routes', 'eventTypes', 'alerts'] as const;

/**
 * The checks of the whole over what is sound, so that one mistyped key does not hide the faults elsewhere: broken items
 * of lists are left out (their names stay known). A broken key at the top would make other faults up; then there are none.
 */
export function checkSoundPart(written: unknown, broken: readonly RawFault[]): RawFault[] {
  if (typeof written !== 'object' || written === null) return [];
  if (
    broken.some(
      ({ path }) => typeof path[1] !== 'number' && path[0] !== 'version' && path[0] !== undefined && path[0] in configSchema.shape,
    )
  )
    return [];
  const sound: Record<string, unknown> = { version: 1 };
  for (const key of Object.keys(configSchema.shape))
    if (key !== 'version' && key in written) sound[key] = (written as Record<string, unknown>)[key];
  const kept: Partial<Record<string, number[]>> = {};
  const named = { sources: [] as string[], destinations: [] as string[] };
  for (const list of LISTS) {
    const items = sound[list];
    if (!Array.isArray(items)) continue;
    const isBroken = (index: number) => broken.some(({ path }) => path[0] === list && path[1] === index);
    kept[list] = items.flatMap((_, index) => (isBroken(index) ? [] : [index]));
    sound[list] = kept[list].map((index) => items[index] as unknown);
    if (list === 'sources' || list === 'destinations') named[list] = items.flatMap((item, index) => (isBroken(index) ? nameOf(item) : []));
  }
  const result = configSchema.safeParse(sound);
  if (!result.success) return [];
  const { faults } = checkConfig(completeConfig(result.data), named);
  return faults.map(({ path: [list, index, ...rest], ...said }) => ({
    ...said,
    path:
      typeof index === 'number' && kept[String(list)]
        ? [list!, kept[String(list)]![index]!, ...rest]
        : [list, index, ...rest].filter((part) => part !== undefined),
  }));
}

const nameOf = (item: unknown): string[] => {
  const name = (item as { name?: unknown } | null)?.name;
  return typeof name === 'string' ? [name] : [];
};
