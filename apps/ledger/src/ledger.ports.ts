import type { Codec } from '#libs/contracts/src/index.js';
import type { Clock, Owner, PartitionLog } from '#libs/kafka/src/index.js';
import type { LedgerStore } from '#libs/ledger/src/index.js';

export interface Telling {
  projected(line: Readonly<{ topic: string; partition: number; records: number; unreadable: number; next: number; tookMs: number }>): void;
  /** Retention has taken records before they were projected. */
  passedOver(line: Readonly<{ topic: string; partition: number; from: number; to: number }>): void;
  /** The partition waits for this error to pass; null: it goes on. */
  waiting(topic: string, partition: number, error: Error | null): void;
}

export type LedgerPorts = Readonly<{
  owner(log: PartitionLog): Owner;
  codec: Pick<Codec, 'decode'>;
  store: LedgerStore;
  telling: Telling;
  clock: Clock;
}>;
