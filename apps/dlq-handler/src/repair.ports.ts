import type { Codec } from '#libs/contracts/src/index.js';
import type { DeadLetterPlace, TopicNames } from '#libs/domain/src/index.js';
import type { Clock, LogCluster, Owner, PartitionLog } from '#libs/kafka/src/index.js';
import type { LeftState } from './decide-departure.js';

/** How far an operation is: a row for people. What is decided stands in hf.commands. */
export type OperationRow = Readonly<{
  id: string;
  kind: string;
  phase: 'preview' | 'canary' | 'ramp' | 'done' | 'stopped' | 'aborted';
  by: string;
  reason: string;
  at: number;
  total: number;
  sent: number;
  delivered: number;
  failed: number;
  why: string | null;
}>;

/** Errors: StoreError, always worth another try. */
export interface OperationStore {
  /** The last word stays. */
  keep(row: OperationRow): Promise<void>;
  /** They have left; what does not stand there, or has left before, stays as it is. */
  mark(places: readonly DeadLetterPlace[], state: LeftState): Promise<void>;
  /** Ids of an event's dead letters at a destination, the last hop first. A hint: whether one is still there, hf.commands says. */
  find(eventposition: string, destination: string): Promise<readonly string[]>;
}

/** Errors: worth another try. */
export interface BreakerLook {
  /** Nothing is let in, or a probe only. */
  isOpen(destination: string): Promise<boolean>;
}

export interface RepairTelling {
  /** A phase begins or ends. */
  operation(row: OperationRow): void;
  waiting(topic: string, partition: number, error: Error | null): void;
}

export type RepairPorts = Readonly<{
  owner(log: PartitionLog): Owner;
  /** The registry away: rejects, and is worth another try. */
  codec(): Promise<Codec>;
  cluster: Pick<LogCluster, 'reader' | 'partitions'>;
  store: OperationStore;
  breakers: BreakerLook;
  topics: TopicNames;
  /** Of the configuration: a dead letter whose destination is gone stays. */
  destinations: ReadonlySet<string>;
  telling: RepairTelling;
  clock: Clock;
}>;
