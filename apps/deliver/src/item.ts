import type { ClaimRequest, Doubt, DoneAs } from '#libs/delivery/src/index.js';
import type { Delivery, HistoryEntry } from '#libs/domain/src/index.js';
import type { Shaped } from './deliver.ports.js';

/** A delivery in its lane, from when its record was read until it ends. What the owner knows of it beyond the record. */
export type Item = {
  readonly offset: number;
  readonly entity: string;
  readonly appendedAtMs: number;
  readonly delivery: Delivery;
  /** An earlier attempt whose effect is not known; null: none. */
  doubt: Doubt | null;
  /** Redis says that an owner before me started it here. */
  wasStarted: boolean;
  /** What a success proves at best: `proof` once a look-up excluded the earlier attempt. */
  leastDoneAs: DoneAs;
  /** Attempts of this hop, in order; bounded by `historyMax`. */
  entries: HistoryEntry[];
  firstAttemptAtMs: number | null;
  /** A claim whose answer is not known yet: asked again as it was. */
  openClaim: ClaimRequest | null;
  claims: number;
  /** What a transform made of it, once for this record; null: as it came. Undefined: not asked yet. */
  shaped: Shaped | null | undefined;
};

export function itemOf(offset: number, appendedAtMs: number, delivery: Delivery): Item {
  return {
    offset,
    entity: delivery.event.subject,
    appendedAtMs,
    delivery,
    doubt: delivery.doubtful ? { quietAtMs: delivery.quietat, doubtSinceMs: delivery.firstattemptat ?? appendedAtMs } : null,
    wasStarted: false,
    leastDoneAs: delivery.maybetwice ? 'maybe-twice' : delivery.excluded ? 'proof' : 'once',
    entries: [],
    firstAttemptAtMs: delivery.firstattemptat,
    openClaim: null,
    claims: 0,
    shaped: undefined,
  };
}

/** Entries kept of a delivery, over all hops: the first ones and the last ones tell the story. */
export const historyMax = 16;
const historyKeepFirst = 4;

export function boundedHistory(history: readonly HistoryEntry[]): HistoryEntry[] {
  if (history.length <= historyMax) return [...history];
  return [...history.slice(0, historyKeepFirst), ...history.slice(historyKeepFirst - historyMax)];
}
