import type { OutRecord } from './log.port.js';

/**
 * The partition owner: rules 2 to 5, 10, 12 and 13 as one piece that ingest, dedupe, deliver and the delay lines share.
 *
 * | state     | entered by                                   | left by                                    |
 * | --------- | -------------------------------------------- | ------------------------------------------ |
 * | acquiring | assignment, or any error of a commit         | number committed → owning; fenced → out    |
 * | owning    | the owner's number stands in Kafka           | an error of `settle` → acquiring or out    |
 * | out       | `fenced`                                     | a new assignment                           |
 */
export type Ownership = Readonly<{
  /** Random id made with the partition's first commit; Redis keys and Postgres rows name it (rule 5). */
  incarnation: string;
  /** One more than the last owner's, committed under the fence before Redis hears of it (rule 12). */
  number: number;
  /** The first offset that is not settled. */
  offset: number;
  /** Settled offsets beyond `offset`, ascending. */
  settled: readonly number[];
  /** The Redis this was written beside; null before the first (rule 13). */
  redisIdentity: string | null;
  /** The same of the other topic that this owner reads; null: it reads none. */
  beside: Progress | null;
}>;

/** How far one log is settled: the first offset that is not, and those beyond it that are, ascending. */
export type Progress = Readonly<{ offset: number; settled: readonly number[] }>;

export type Settlement = Readonly<{
  records: readonly OutRecord[];
  offset: number;
  settled: readonly number[];
  /** Left out: stays as it was. */
  redisIdentity?: string;
  /** Left out: stays as it was. */
  beside?: Progress;
}>;

export interface Owner {
  /** fence → committed → number + 1. Errors: LogError; OwnershipError `offset-missing` or `metadata-unreadable` (hold, alert: rule 4). */
  acquire(): Promise<Ownership>;
  /** One transaction. After any error but `too-large` nothing may be settled before `acquire` succeeded again (rule 3). */
  settle(settlement: Settlement): Promise<void>;
  /** A fenced Kafka request that changes nothing: proves the partition is still mine. Errors as `settle`. */
  prove(): Promise<void>;
  current(): Ownership;
}

export type OwnershipErrorCode = 'offset-missing' | 'offset-out-of-range' | 'metadata-unreadable' | 'metadata-too-large';

/** The partition is held and an alert raised; nothing is guessed (rule 4). */
export class OwnershipError extends Error {
  readonly retryable = true;
  constructor(
    readonly code: OwnershipErrorCode,
    message: string,
  ) {
    super(message);
    this.name = 'OwnershipError';
  }
}
