import type { Fault } from './event.js';
import type { HistoryEntry } from './delivery.js';

export type FactKind = 'received' | 'judged' | 'attempted' | 'settled' | 'held' | 'dead-lettered' | 'requeued' | 'discarded';
export type JudgedVerdict = 'accepted' | 'duplicate' | 'superseded' | 'invalid' | 'unrouted';
export type DeliveredVerdict = 'delivered-once' | 'delivered-once-by-proof' | 'delivered-maybe-twice';

/**
 * What a stage says of one event (Avro `holdfast.Fact`, `hf.ledger`, keyed by event id), written in the same
 * transaction as the output it speaks of. `received` is the record in `hf.events` itself.
 *
 * One record a stage, not one an attempt: `attempts` carries those that led to this fact (a settlement that needed one
 * attempt is one record), and a reader of the timeline unfolds them.
 */
export type Fact = {
  /** Event id. */
  id: string;
  correlationid: string;
  fact: FactKind;
  /** ms since the epoch. */
  at: number;
  app: string;
  type: string;
  source: string;
  /** The event's position in `hf.events`: tells apart two events that came under one id. */
  eventposition: string;
  /** The position of the record this fact settles (the event's for `judged`, the delivery record's for deliver's facts). */
  position: string;
  destination: string | null;
  delivery: string | null;
  hop: number | null;
  /** A JudgedVerdict on `judged`; a DeliveredVerdict, or `superseded`, on `settled`. */
  verdict: string | null;
  /** The position that a duplicate doubles, or that superseded it. */
  duplicateof: string | null;
  class: string | null;
  attempt: number | null;
  attempts: HistoryEntry[];
  /** `judged`: the destinations it was routed to. */
  destinations: string[];
  /** `retry` for an attempted delivery that waits, with `tier` and `until`. */
  tier: string | null;
  until: number | null;
  reason: string | null;
  by: string | null;
  faults: Fault[];
  /** The partner's own id of the record, where a delivery told it. */
  externalid: string | null;
};
