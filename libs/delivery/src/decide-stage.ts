import type { StageNote } from '#libs/domain/src/index.js';
import { weaker } from './decide-resolution.js';
import type { DoneAs } from './outcome.js';

/**
 * Decides which request of a sequence is next. Pure: the same notes give the same request, so an owner that takes over goes on
 * exactly where the one before stopped.
 *
 * A request that ended has a note, and is never repeated. One whose condition does not hold is left out. What has a note
 * `unknown` may have been sent: it is next, and its destination's rule resolves it.
 */
export type StageOrder = Readonly<{ name: string; when: readonly Readonly<{ value: string; fits(value: unknown): boolean }>[] }>;

const DONE: readonly string[] = ['once', 'proof', 'maybe-twice'] satisfies DoneAs[];
/** In place of a name: whatever has no note of its own may have been sent. */
export const ANY_STAGE = '*';

export const isDone = ({ as }: StageNote): boolean => DONE.includes(as);

export function decideStage<S extends StageOrder>(stages: readonly S[], notes: readonly StageNote[]): S | null {
  const values = stageValues(notes);
  const done = new Set(notes.filter(isDone).map(({ name }) => name));
  return stages.find(({ name, when }) => !done.has(name) && when.every(({ value, fits }) => fits(values[value]))) ?? null;
}

/** What later requests may name: `<stage>.<value>` → text. */
export function stageValues(notes: readonly StageNote[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const { name, kept } of notes) for (const [key, value] of Object.entries(kept)) values[`${name}.${key}`] = value;
  return values;
}

/** A sequence claims no more than its weakest part. */
export const leastOf = (notes: readonly StageNote[], least: DoneAs): DoneAs =>
  notes.filter(isDone).reduce<DoneAs>((weakest, { as }) => weaker(weakest, as as DoneAs), least);
