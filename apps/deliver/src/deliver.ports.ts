import type { Codec } from '#libs/contracts/src/index.js';
import type {
  AttemptMarksStore,
  ClassRules,
  HoldReason,
  Holding,
  Outcome,
  ResolutionPolicy,
  RetryBudgetTerms,
  SentOutcome,
  StageOrder,
  StepPolicy,
  Valve,
} from '#libs/delivery/src/index.js';
import type { Delivery, HistoryEntry, StageNote, HoldfastEvent, TopicNames } from '#libs/domain/src/index.js';
import type { Clock, Logger } from '#libs/kafka/src/index.js';
import type { Share } from './fair-queue.js';

/** One destination as the pipeline sees it: its policy, its way out, its name. */
export type Destination = Readonly<{
  name: string;
  policy: DestinationPolicy;
  sender: Sender;
  resolver: Resolver;
  /** What may keep its requests back; none costs nothing. Closed by whoever opened the destination. */
  valves: readonly Valve[];
  /** Where a delivery is a sequence of requests. */
  stages?: Stages;
  /** What of an answer goes into the history; absent: nothing. */
  keep?(body: string): string;
  /** Who waits goes in by turns; left out: first come, first served. */
  fairness?: Readonly<{ groupsMax: number; shareOf(delivery: Delivery): Share }>;
  /** Left out: all its routes are unordered. */
  ordering?: DestinationOrdering;
  /** Makes the body where a route has transforms, before anything is claimed; null: it goes as it came. Never rejects. */
  shape?: (delivery: Delivery) => Promise<Shaped> | null;
  /** Pure for a given delivery and body, except for credentials, which are read when it is called. */
  render(delivery: Delivery, shaped?: Shaped | null): Rendered;
}>;

/** What the routes to a destination say of order, by the first one that takes an event. */
export type DestinationOrdering = Readonly<{
  /** Any route is strict: entities can be parked. */
  hasStrict: boolean;
  /** The delay line that a new event's delivery waits in first, for only the newest to go out; null: none. */
  inboxOf(event: RoutedEvent): Readonly<{ name: string; delayMs: number }> | null;
  /** Behind a dead letter the entity goes on. */
  continuesAfter(event: RoutedEvent): boolean;
}>;
export type RoutedEvent = Pick<HoldfastEvent, 'source' | 'type'>;

/** An operator's word on a parked delivery. */
export type ParkedWord = Readonly<{ delivery: string; as: 'delivered' | 'resend' | 'discard'; by: string; reason: string }>;

export type DestinationPolicy = ClassRules &
  ResolutionPolicy &
  StepPolicy &
  Readonly<{
    unknown: ClassRules['unknown'] & StepPolicy['unknown'];
    timeoutMs: number;
    maxInFlight: number;
    retryBudget: RetryBudgetTerms;
  }>;

/** The path with its query, already encoded; the origin is the sender's. */
export type OutboundRequest = Readonly<{ method: string; path: string; headers: Readonly<Record<string, string>>; body: Buffer | null }>;
/** A body that a transform made, or why there is none. */
export type Shaped = Readonly<{ ok: true; body: Buffer }> | Readonly<{ ok: false; code: string; error: string }>;
export type Rendered = Readonly<{ ok: true; request: OutboundRequest }> | Readonly<{ ok: false; code: string; error: string }>;

/** One for the whole of a claim: queue, connection, request and answer (rule 20). Past either clock, nothing is handed to a connection. */
/** `lengthMs`: where it is not the destination's timeout. */
export type Deadline = Readonly<{ wallMs: number; monotonicMs: number; lengthMs?: number }>;

/** Hands one request to the partner. Never rejects: what happens to a request is an Outcome. */
export interface Sender {
  send(request: OutboundRequest, deadline: Deadline): Promise<Outcome>;
}

/** Asks the partner whether this change is there (rule 21). Never rejects. */
export interface Resolver {
  /** `values`: what earlier requests of a sequence kept, as `<stage>.<name>`. */
  ask(delivery: Delivery, deadline: Deadline, values?: Readonly<Record<string, string>>): Promise<LookupAnswer>;
  readonly timeoutMs?: number;
  /** So long "not found" is asked again before it is believed. */
  readonly graceMs?: number;
}
export type LookupAnswer =
  /** `kept`: what later requests of a sequence need of it. */
  | Readonly<{ kind: 'found'; kept?: Readonly<Record<string, string>> }>
  | Readonly<{ kind: 'not-found' }>
  /** It answered, and nobody could say whether it is this change: an operator decides. */
  | Readonly<{ kind: 'cannot-tell'; reason: string }>
  /** The partner could not say: nothing was sent, and the outcome is one of asking. */
  | Readonly<{ kind: 'no-answer'; outcome: SentOutcome }>;

export type EndKind =
  | 'delivered-once'
  | 'delivered-once-by-proof'
  | 'delivered-maybe-twice'
  | 'superseded'
  | 'delayed'
  | 'parked'
  | 'resolved'
  | 'dead-lettered'
  | 'held'
  | 'unreadable';
export type DuplicateCause = 'takeover' | 'unknown-outcome' | 'server-error';

/** Telling: metrics and the one wide line of a settlement. Synchronous, and never throws. */
export interface DeliverReport {
  attempted(delivery: Delivery, entry: HistoryEntry): void;
  duplicateSent(destination: string, cause: DuplicateCause): void;
  settled(end: SettledReport): void;
  /** It failed, and stays in its lane unspent: the destination is held. */
  stays(delivery: Delivery, reason: HoldReason): void;
  destinationHeld(destination: string, holding: Holding): void;
  redisForgot(destination: string, partition: number): void;
  /** A partition of a destination or a delay line does not move, and why; null: it moves again, or is not here any more. */
  waits(name: string, partition: number, why: string | null): void;
}
export type SettledReport = Readonly<{
  destination: string;
  kind: EndKind;
  position: string;
  delivery: Delivery | null;
  last: HistoryEntry | null;
  /** Wall clock of the attempt's end. */
  atMs: number;
  tier: string | null;
  reason: string | null;
}>;

/** What the pipelines need of their process. */
export type DeliverPorts = Readonly<{
  clock: Clock;
  codec: Codec;
  marks: AttemptMarksStore;
  report: DeliverReport;
  logger: Logger;
  topics: TopicNames;
}>;

/** One request of a sequence, as the pipeline sees it. */
export type Stage = StageOrder &
  Readonly<{
    /** Without effect at the partner: a doubt about it is none. */
    isReading: boolean;
    rules: ClassRules['classify'];
    resolver: Resolver;
    render(delivery: Delivery, shaped: Shaped | null | undefined, notes: readonly StageNote[]): Rendered;
    /** What later requests need of its answer; bounded. */
    kept(answer: Answer): Record<string, string>;
  }>;
export type Answer = Extract<Outcome, { kind: 'responded' }>;

/** The sequence of requests that a delivery is. */
export type Stages = Readonly<{ current(notes: readonly StageNote[]): Stage | null }>;
