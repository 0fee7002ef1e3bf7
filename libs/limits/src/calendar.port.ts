/** A time at which a partner is not to be called, as the configuration says it (cron of five fields, in a time zone). */
export type Window = Readonly<{
  opens: string;
  timeZone: string;
  lasts: Readonly<{ kind: 'for'; ms: number }> | Readonly<{ kind: 'until'; cron: string }>;
  detail: string;
}>;

export type ClosedTime = Readonly<{ sinceMs: number; untilMs: number; detail: string }>;

/** The closed times of one partner. All moments in ms since the epoch. */
export interface Calendar {
  /** The one that holds `atMs`; null: it is open. Of several, the one that ends last. */
  closedAt(atMs: number): ClosedTime | null;
  /** When the next one begins after `atMs`; null: never. */
  nextAfter(atMs: number): number | null;
}
