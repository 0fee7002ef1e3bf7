import type { HoldfastEvent } from './event.js';

/** What an attempt's outcome means. */
export type OutcomeClass = 'delivered' | 'transient' | 'throttled' | 'auth' | 'business' | 'permanent' | 'unknown';

/** One attempt as it stands in the history. Bodies and errors are bounded. `at` in ms, `tookms` the attempt's duration. */
export type HistoryEntry = {
  attempt: number;
  class: string;
  status: number | null;
  error: string | null;
  body: string | null;
  at: number;
  tookms: number;
  /** Which rule mapped the outcome to its class: `default`, or `classify[2]`. */
  rule: string;
  /** Of a sequence of requests: which of them it was. Null where a delivery is one request. */
  stage: string | null;
};

/** What is known of one request of a sequence: that it took effect and how that is known, or that it may have. */
export type StageNote = { name: string; as: string; kept: Record<string, string> };

export type Ordering = 'unordered' | 'latest-wins' | 'strict';

/** One event on its way to one destination (Avro `holdfast.Delivery`): in `hf.deliveries.*`, the delay lines, `hf.parked.*` and `hf.dlq`. */
export type Delivery = {
  /** Stable over every attempt, retry and requeue; made from the event's position and the destination. */
  id: string;
  destination: string;
  event: HoldfastEvent;
  /** Position of the event in `hf.events`. */
  eventposition: string;
  ordering: Ordering;
  /** Attempts spent so far. */
  attempt: number;
  /** Passes through Kafka: 0 as routed, one more with each retry or requeue. `id` and `hop` name one record. */
  hop: number;
  /** Generation of the partner's idempotency key: one more after a requeue whose last outcome was definite (rule 22). */
  generation: number;
  /** When the first attempt began, null before. */
  firstattemptat: number | null;
  history: HistoryEntry[];
  /** An earlier attempt may have taken effect: the next one obeys the destination's unknown rule. */
  doubtful: boolean;
  /** Until then (ms since the epoch) a request of an earlier, doubtful attempt may still land: deadline + `unknown.settle` (rule 20). */
  quietat: number | null;
  /** A doubtful attempt was resent blindly (`resend`): a delivered verdict then reads `delivered-maybe-twice`. */
  maybetwice: boolean;
  /** Why it is in the DLQ; null elsewhere. */
  reason: string | null;
  class: string | null;
  deadletteredat: number | null;
  /** A replay's or requeue's operation id; null on the first way through. */
  operation: string | null;
  /** A look-up has excluded an earlier, doubtful attempt: a success is then `delivered-once-by-proof`. */
  excluded: boolean;
  /** Where a delivery is a sequence of requests: those that ended, which are not repeated, and those in doubt. */
  stages: StageNote[];
  /** Time under retry so far: attempts, delay lines, 429s; not the time it was held or queued. `maxAge` bounds it (rule 25). */
  retryms: number;
  /** When the first attempt of unknown effect began; null when nothing is in doubt. `unknown.validFor` counts from here (rule 22). */
  doubtsince: number | null;
};
