import type { Command } from '#libs/domain/src/index.js';

/** A list as the API gives it; `next` continues it, null at its end. */
export type Page<T> = Readonly<{ items: readonly T[]; next: Cursor | null }>;
/** Where a list goes on: the last item's time (ms) and id. */
export type Cursor = Readonly<{ atMs: number; id: string }>;

export type DeadLetterQuery = Readonly<{
  kind: 'dead-letter' | 'invalid';
  destination?: string | undefined;
  source?: string | undefined;
  type?: string | undefined;
  class?: string | undefined;
  group?: string | undefined;
  fromMs?: number | undefined;
  toMs?: number | undefined;
}>;

/** `id` names a record for ever: `dlq-<partition>-<offset>`. Times in ms since the epoch. */
export type DeadLetterItem = Readonly<{
  id: string;
  state: 'open' | 'requeued' | 'discarded';
  eventid: string;
  correlationid: string;
  destination: string | null;
  source: string;
  type: string;
  entity: string | null;
  reason: string;
  class: string | null;
  status: number | null;
  attempts: number;
  group: string;
  deadletteredat: number;
}>;

export type DeadLetter = DeadLetterItem &
  Readonly<{
    delivery: string | null;
    contenttype: string | null;
    data: Buffer;
    history: readonly unknown[];
    faults: readonly unknown[];
    position: string;
    eventposition: string | null;
  }>;

export type DeadLetterGroup = Readonly<{
  group: string;
  destination: string | null;
  source: string;
  class: string | null;
  status: number | null;
  sample: string;
  count: number;
  oldest: number;
  newest: number;
}>;

/** What came to rest. Errors: StoreError, always worth another try. */
export interface DeadLettersReader {
  list(query: DeadLetterQuery, page: Readonly<{ after: Cursor | null; max: number }>): Promise<Page<DeadLetterItem>>;
  get(id: string): Promise<DeadLetter | null>;
  groups(query: DeadLetterQuery): Promise<readonly DeadLetterGroup[]>;
  /** The open entries a command is about, frozen: oldest first, at most `max`, and how many there are in all. */
  freeze(selection: Selection, max: number): Promise<Readonly<{ ids: readonly string[]; count: number }>>;
}
export type Selection = Readonly<{ ids: readonly string[] }> | Readonly<{ filter: DeadLetterQuery }>;

/** An operator's word, durable in `hf.commands` once it resolves. Errors: LogError. */
export interface CommandSink {
  send(commands: readonly Command[]): Promise<void>;
}

export type Operation = Readonly<{
  operationId: string;
  kind: string;
  phase: 'preview' | 'canary' | 'ramp' | 'done' | 'stopped' | 'aborted';
  total: number;
  sent: number;
  delivered: number;
  failed: number;
  why: string | null;
  by: string;
  reason: string;
  at: number;
}>;

export interface OperationsReader {
  get(id: string): Promise<Operation | null>;
}

export type DestinationStatus = Readonly<{
  destination: string;
  breaker: 'closed' | 'half-open' | 'open';
  why: string | null;
  hold: Readonly<{ reason: string; sinceMs: number; untilMs: number | null }> | null;
  lagRecords: number;
  timeToLossSeconds: number | null;
}>;

export interface DestinationsReader {
  list(): Promise<readonly DestinationStatus[]>;
}

/** Who acts, and what they may do. */
export type Role = 'viewer' | 'operator' | 'admin';
export type Actor = Readonly<{ name: string; role: Role }>;
