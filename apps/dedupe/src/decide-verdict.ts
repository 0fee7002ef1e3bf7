import type { Fault, HoldfastEvent } from '#libs/domain/src/index.js';
import type { Way } from './decide-routes.js';

/** What the seen store says of an event's key: by offset, in the event's own partition. */
export type Seen = Readonly<{ kind: 'first' } | { kind: 'duplicate'; of: number } | { kind: 'superseded'; by: number }>;

/** One verdict per event. `by` is the offset it doubles, or that superseded it. */
export type Verdict =
  | Readonly<{ verdict: 'invalid'; faults: readonly Fault[] }>
  | Readonly<{ verdict: 'duplicate'; by: number }>
  | Readonly<{ verdict: 'unrouted' }>
  | Readonly<{ verdict: 'superseded'; by: number }>
  /** `passedOver`: latest-wins destinations that have a newer revision already, by the one at `by`. */
  | Readonly<{ verdict: 'accepted'; ways: readonly Way[]; by: number | null; passedOver: readonly string[] }>;

const missingType: Fault = {
  pointer: '',
  code: 'missing-type',
  message: "the event has no type: name one in the source's configuration (event.type), or send it",
};

/**
 * What is wrong with an event; such an event claims no key, so a mended copy under the same key is a first one.
 * A body that cannot be read has no type either, which only follows and is not told beside it.
 */
export function decideFaults({ faults, type }: Pick<HoldfastEvent, 'faults' | 'type'>): readonly Fault[] {
  return type === '' && faults.length === 0 ? [missingType] : faults;
}

/** Does a route of this event ask for the newest revision only? Then its claim carries the revision. */
export const wantsNewest = (ways: readonly Way[]): boolean => ways.some(({ ordering }) => ordering === 'latest-wins');

/**
 * | faults | seen       | ways                                | verdict                                       |
 * | ------ | ---------- | ----------------------------------- | --------------------------------------------- |
 * | some   |            |                                     | invalid                                       |
 * | none   | duplicate  |                                     | duplicate                                     |
 * | none   | first      | none                                | unrouted                                      |
 * | none   | first      | some                                | accepted, by all                              |
 * | none   | superseded | all latest-wins                     | superseded                                    |
 * | none   | superseded | some latest-wins                    | accepted by the others, the rest passed over  |
 * | none   | superseded | none latest-wins                    | as first                                      |
 */
export function decideVerdict(faults: readonly Fault[], seen: Seen | null, ways: readonly Way[]): Verdict {
  if (faults.length > 0) return { verdict: 'invalid', faults };
  if (!seen) throw new RangeError('an event without faults was not claimed');
  if (seen.kind === 'duplicate') return { verdict: 'duplicate', by: seen.of };
  if (ways.length === 0) return { verdict: 'unrouted' };
  if (seen.kind === 'first' || !wantsNewest(ways)) return { verdict: 'accepted', ways, by: null, passedOver: [] };
  const left = ways.filter(({ ordering }) => ordering !== 'latest-wins');
  if (left.length === 0) return { verdict: 'superseded', by: seen.by };
  const passedOver = ways.filter(({ ordering }) => ordering === 'latest-wins').map(({ destination }) => destination);
  return { verdict: 'accepted', ways: left, by: seen.by, passedOver };
}
