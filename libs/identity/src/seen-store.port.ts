/**
 * Which position of one partition saw a key first (PROTOCOL rules 5, 14, 16, 17). A cache of the log: it may be wiped or fall back
 * to an earlier state at any moment, notices it, and is filled again from the log by the very same call.
 *
 * | answer of a claim | when                                                                                        |
 * | ----------------- | ------------------------------------------------------------------------------------------- |
 * | first             | nobody held the key, I hold it myself (read again after a crash), or its holder's window is over |
 * | duplicate of p    | an earlier position p holds it, and I was appended within the window after p                  |
 * | superseded by p   | first, but an earlier position p brought a newer revision of the entity (latest-wins only)    |
 *
 * History. A key's value is the short list of its firsts, ascending: almost always one; another is added when a window is over.
 * A claim is judged by the newest entry that is not behind its own position, and a revision by the newest entry before it. What
 * stands at higher positions is neither used nor removed, so judging a position again (after a crash, by a frozen owner that
 * woke up, or in a rebuild) gives the same answer and harms nobody. Entries that no position from `settled` on can need are dropped.
 */
export interface SeenStore {
  /**
   * Atomic: refuses unless every position before `from` is in; then claims in the order given; then raises the watermark, never
   * lowers it. Repeating a call is harmless. Errors: StoreUnavailableError, after which the same call is made again.
   */
  claim(batch: ClaimBatch): Promise<ClaimAnswer>;
}

export type ClaimBatch = Readonly<{
  partition: number;
  /** Of the partition (rule 5): the marks of another incarnation mean nothing to this one. */
  incarnation: string;
  /** Every position before this one must be in: the offset behind the last batch. */
  from: number;
  /** The offset behind this batch; the watermark's new place. */
  next: number;
  /** Positions before this one matter no more (retention or the window has passed them). 0 except while rebuilding. */
  floor: number;
  /** No owner will judge a position before this one again: the committed offset. */
  settled: number;
  /** Now minus append time of the record being judged. More than `slackMs` above the least lag since the keys were written: they may have expired too early, which counts as loss (rule 16). */
  lagMs: number;
  slackMs: number;
  /** Ascending by offset, at most `claimsMax`. */
  claims: readonly Claim[];
}>;

export type Claim = Readonly<{
  /** {@link claimKey} of event type and idempotency key. */
  key: string;
  offset: number;
  appendedMs: number;
  windowMs: number;
  /** How long the store keeps it from now on: window plus slack (less what has passed already, in a rebuild). */
  ttlMs: number;
  /** Only for events that a latest-wins route takes. `revision` is a {@link revisionOrder} key. */
  pointer: Readonly<{ key: string; revision: string }> | null;
}>;

export type ClaimVerdict = Readonly<{ kind: 'first' } | { kind: 'duplicate'; of: number } | { kind: 'superseded'; by: number }>;

export type ClaimAnswer =
  /** The store is whole only up to `reached`: claim from max(reached, floor) on first. Nothing was claimed. */
  Readonly<{ kind: 'refused'; reached: number }> | Readonly<{ kind: 'judged'; verdicts: readonly ClaimVerdict[] }>;

/** Bounds the time one script holds Redis (a few milliseconds). */
export const claimsMax = 5_000;
export const firstVerdict: ClaimVerdict = Object.freeze({ kind: 'first' });
