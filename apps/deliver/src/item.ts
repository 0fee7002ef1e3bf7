import { isDone, type ClaimRequest, type Doubt, type DoneAs, type Rank } from '#libs/delivery/src/index.js';
import type { Delivery, HistoryEntry, StageNote } from '#libs/domain/src/index.js';
import type { Shaped } from './deliver.ports.js';
import type { Share } from './fair-queue.js';
import type { Park } from './parked-index.js';

/** A delivery in its lane, from when its record was read until it ends. What the owner knows of it beyond the record. */
export type Item = {
  /** Of its record in the deliveries' topic; a parked one's is a besideKey. */
  readonly offset: number;
  readonly entity: string;
  readonly appendedAtMs: number;
  readonly delivery: Delivery;
  /** An earlier attempt whose effect is not known; null: none. */
  doubt: Doubt | null;
  /** Redis says that an owner before me started it here. */
  wasStarted: boolean;
  /** A start of mine whose effect is not known stands in Redis: the delivery stayed here, and the next claim counts one more. */
  keepsStart: boolean;
  /** How many others of the destination had been delivered when this one last stayed under a hold; null: it did not. */
  stayedAt: number | null;
  /** Time under retry since it came here. */
  retriedMs: number;
  /** What a success proves at best: `proof` once a look-up excluded the earlier attempt. */
  leastDoneAs: DoneAs;
  /** Attempts of this hop, in order; bounded. */
  entries: HistoryEntry[];
  firstAttemptAtMs: number | null;
  /** A claim whose answer is not known yet: asked again as it was. */
  openClaim: ClaimRequest | null;
  claims: number;
  /** Of a sequence of requests, those that have ended. */
  stages: readonly StageNote[];
  /** Of a sequence: Redis forgot, so that every request which has no note may have been sent. */
  isAllInDoubt: boolean;
  /** When a look-up first found nothing; null: it has not. */
  notFoundAtMs: number | null;
  /** What a transform made of it, once for this record; null: as it came. Undefined: not asked yet. */
  shaped: Shaped | null | undefined;
  /** Whom it counts towards; undefined: not asked yet. */
  share: Share | undefined;
  /** Where it stands among its entity's latest-wins deliveries; null: it is none. */
  rank: Rank | null;
  /** How it stands in the parked topic; null: it does not. */
  park: Park | null;
};

const NO_NOTES: readonly StageNote[] = [];

export function itemOf(offset: number, appendedAtMs: number, delivery: Delivery): Item {
  return {
    offset,
    entity: delivery.event.subject,
    appendedAtMs,
    delivery,
    doubt: delivery.doubtful
      ? { quietAtMs: delivery.quietat, doubtSinceMs: delivery.doubtsince ?? delivery.firstattemptat ?? appendedAtMs }
      : null,
    wasStarted: false,
    keepsStart: false,
    stayedAt: null,
    retriedMs: 0,
    leastDoneAs: delivery.maybetwice ? 'maybe-twice' : delivery.excluded ? 'proof' : 'once',
    entries: [],
    firstAttemptAtMs: delivery.firstattemptat,
    openClaim: null,
    claims: 0,
    stages: delivery.stages.length === 0 ? NO_NOTES : delivery.stages.filter(isDone),
    isAllInDoubt: delivery.stages.some(({ as }) => as === 'unknown'),
    notFoundAtMs: null,
    shaped: undefined,
    share: undefined,
    rank: null,
    park: null,
  };
}
