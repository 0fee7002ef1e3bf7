import type { DoneAs } from './outcome.js';

/**
 * What Redis remembers of the deliveries of one partition of one incarnation between their start and their settlement
 * (rules 12, 13, 19): the owner's number, an identity token, and per offset how often it was started and how it ended.
 *
 * | state of an offset | entered by                        | left by                                           |
 * | ------------------ | --------------------------------- | ------------------------------------------------- |
 * | untouched          | –                                 | `claim` → started(1); `register` doubts → started(2) |
 * | started(n)         | `claim`, `claim` again (n + 1)    | `end` → done; `clear` → n - 1, 0 is untouched      |
 * |                    | `progress` → untouched, with a note: what ended is not repeated, what comes next has not begun     |
 * | done(how)          | `end`, from any owner             | `forget`, once Kafka has the settlement            |
 *
 * No mark has a TTL: they go when the committed offset or the settled set has passed them.
 * Errors: MarksUnavailableError, when nothing is known of the call; each call may then be repeated as it was.
 */
export interface AttemptMarks {
  /** `<run id of the Redis>:<token>`; makes the token when there is none. Whatever loses the marks changes it. */
  identity(): Promise<string>;
  /**
   * Raises the owner's number, never lowers it; marks `doubts` as started twice, keeping what is done; drops marks that
   * a settlement has passed. One atomic step.
   */
  register(registration: Registration): Promise<'registered' | 'later-owner' | 'other-identity'>;
  /** All or nothing refused; otherwise one answer per request, in order. Repeating a request (same `claimId`) counts no further start. */
  claim(standing: Standing, requests: readonly ClaimRequest[]): Promise<ClaimAnswer>;
  /**
   * Of a sequence of requests one has ended well: my start becomes a note, under my own standing only. A note of fewer parts
   * than the one that stands is dropped, and so is one under a start that is no more mine. Repeating a call changes nothing.
   */
  progress(standing: Standing, steps: readonly Progress[]): Promise<ProgressAnswer>;
  /** Accepted from any owner: a late `delivered` is still true. Of two ends the weaker promise stays. */
  end(ends: readonly AttemptEnd[]): Promise<void>;
  /** Undoes my start after a definite failure, under my own standing only; a repeated call undoes nothing further. */
  clear(standing: Standing, claims: readonly Readonly<{ offset: number; claimId: string }>[]): Promise<void>;
  /** Only for offsets whose settlement stands in Kafka. */
  forget(offsets: readonly number[]): Promise<void>;
}

export type Standing = Readonly<{ number: number; identity: string }>;
/** Half open: `from` ≤ offset < `to`. */
export type OffsetRange = Readonly<{ from: number; to: number }>;
export type Registration = Standing & Readonly<{ offset: number; settled: readonly number[]; doubts: readonly OffsetRange[] }>;
/** `note` is the caller's own text; `parts` grows with each request that has ended. */
export type Progress = Readonly<{ offset: number; claimId: string; parts: number; note: string }>;
export type ProgressAnswer =
  Readonly<{ kind: 'noted' }> | Readonly<{ kind: 'refused'; why: 'other-identity' | 'owner-missing' | 'later-owner' }>;
/** What stands beside a start. `isSure` false: Redis has forgotten meanwhile, and more may have begun than the note says. */
export type MarkNote = Readonly<{ text: string; isSure: boolean }>;
/** `again`: the caller has resolved the earlier starts by the destination's rule and starts once more. */
export type ClaimRequest = Readonly<{ offset: number; again: boolean; claimId: string; atMs: number }>;
export type Claim =
  /** Counted; `starts` includes it. */
  | Readonly<{ kind: 'granted'; starts: number; note?: MarkNote }>
  /** Not counted: somebody started it, `sinceMs` at the earliest (null: not known). */
  | Readonly<{ kind: 'started'; starts: number; sinceMs: number | null; note?: MarkNote }>
  | Readonly<{ kind: 'done'; how: DoneAs; starts: number; note?: MarkNote }>;
export type ClaimAnswer =
  | Readonly<{ kind: 'claims'; claims: readonly Claim[] }>
  | Readonly<{ kind: 'refused'; why: 'other-identity' | 'owner-missing' | 'later-owner' }>;
/** `note`: what the next owner needs to settle it as I would. */
export type AttemptEnd = Readonly<{ offset: number; how: DoneAs; note?: string }>;

export type MarkedPartition = Readonly<{ topic: string; partition: number; incarnation: string }>;
export interface AttemptMarksStore {
  of(partition: MarkedPartition): AttemptMarks;
}

/** Redis did not answer: nothing is known of the call. */
export class MarksUnavailableError extends Error {
  readonly code = 'MARKS_UNAVAILABLE';
  readonly retryable = true;
  constructor(operation: string, cause: unknown) {
    super(`Redis did not answer ${operation}; no delivery of this partition starts until it does`, { cause });
    this.name = 'MarksUnavailableError';
  }
}
