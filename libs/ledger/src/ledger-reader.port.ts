import type { EventRow, FactRow } from './ledger-store.port.js';

/** What the projection knows under one id. */
export type FoundRows = Readonly<{ events: readonly EventRow[]; facts: readonly FactRow[] }>;

/** Of a search; times in ms since the epoch, `state` a verdict word: the event's own or a destination's. */
export type EventQuery = Readonly<{
  id?: string | undefined;
  type?: string | undefined;
  source?: string | undefined;
  entity?: string | undefined;
  destination?: string | undefined;
  state?: string | undefined;
  fromMs?: number | undefined;
  toMs?: number | undefined;
  /** What the page before answered as `next`. */
  after?: Readonly<{ appendedat: number; position: string }> | undefined;
  max: number;
}>;

export type EventItem = Readonly<{
  id: string;
  correlationid: string;
  source: string;
  type: string;
  entity: string;
  revision: string | null;
  position: string;
  appendedat: number;
  /** The event's own verdict; `pending` while nobody has judged it. */
  verdict: string;
  verdicts: Readonly<Record<string, string>>;
}>;

/** Reads the projection. Errors: StoreError, always worth another try. */
export interface LedgerReader {
  /** By event id or correlation id; at most `eventsMax` events, the newest ones. */
  find(id: string): Promise<FoundRows>;
  /** The event row at a position; null: not there, or not yet. */
  eventAt(position: string): Promise<EventRow | null>;
  /** Newest first. */
  search(query: EventQuery): Promise<readonly EventItem[]>;
}

/** Events under one correlation id that are looked at. */
export const eventsMax = 50;
