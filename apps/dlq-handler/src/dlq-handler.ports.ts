import type { Codec } from '#libs/contracts/src/index.js';
import type { Clock, Owner, PartitionLog } from '#libs/kafka/src/index.js';
import type { Entry } from './decide-entry.js';
import type { OpenGroup } from './decide-group-text.js';

/** Open entries by label; `place` is the destination of a dead letter and the source of anything else. */
export type Depth = Readonly<{ kind: Entry['kind']; place: string; type: string; count: number }>;

/**
 * Where entries are kept. Errors: StoreError, always worth another try; an entry that the store can never take in the form it
 * has is kept raw instead, so no entry stops a partition.
 */
export interface DeadLetterStore {
  /** Once each, by position and by delivery and hop; answers those that were not there yet. All or nothing. */
  insert(entries: readonly Entry[]): Promise<readonly Entry[]>;
  depths(): Promise<readonly Depth[]>;
}

/** What notices are made of. */
export interface GroupStore {
  /**
   * Open groups, the newest first and at most a few hundred; with `endedSinceMs` also those that came to rest since then and of which
   * none is open. Errors: StoreError.
   */
  groups(endedSinceMs?: number): Promise<readonly OpenGroup[]>;
}

export interface Telling {
  /** One wide line an entry, and the depths. */
  stored(entries: readonly Entry[]): void;
  /** The partition waits for this error to pass; null: it goes on. */
  waiting(topic: string, partition: number, error: Error | null): void;
}

export type DlqHandlerPorts = Readonly<{
  owner(log: PartitionLog): Owner;
  codec: Pick<Codec, 'decode'>;
  store: DeadLetterStore;
  telling: Telling;
  clock: Clock;
}>;
