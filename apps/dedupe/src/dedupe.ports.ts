import type { Codec } from '#libs/contracts/src/index.js';
import type { TopicNames } from '#libs/domain/src/index.js';
import type { SeenStore } from '#libs/identity/src/index.js';
import type { Clock, Owner, PartitionLog, PartitionReader } from '#libs/kafka/src/index.js';
import type { Route } from './decide-routes.js';
import type { Judged } from './judged-records.js';

/** What the pipeline needs of the world. Everything that waits goes through one of these. */
export type DedupePorts = Readonly<{
  own(log: PartitionLog): Owner;
  /** A reader of its own for rebuilding, so that the live one keeps its prefetch. */
  reader(topic: string, partition: number): PartitionReader;
  seen: SeenStore;
  codec: Pick<Codec, 'decodeSync' | 'encode' | 'learn'>;
  clock: Clock;
  tell(news: DedupeNews): void;
}>;

export type DedupeConfig = Readonly<{
  topics: TopicNames;
  routes: readonly Route[];
  /** How long a key of this source's events is remembered, by append time. */
  windowMs(source: string): number;
  windowMaxMs: number;
  /** Keys are kept this much longer than their window; lag that grows by more counts as loss (rule 16). */
  slackMs: number;
  /** One transaction's bounds (rule 7). */
  batchMaxRecords: number;
  batchMaxBytes: number;
}>;

export const dedupeDefaults = { slackMs: 24 * 60 * 60 * 1_000, batchMaxRecords: 1_000, batchMaxBytes: 8 * 1_024 * 1_024 } as const;

/** What an operator may want to hear; turned into log lines, metrics and readiness by the lifecycle. */
export type DedupeNews =
  | Readonly<{ kind: 'owned'; partition: number; offset: number; number: number }>
  | Readonly<{ kind: 'settled'; partition: number; offset: number; judged: readonly Judged[] }>
  | Readonly<{ kind: 'rebuilding'; partition: number; from: number; reached: number; upTo: number }>
  | Readonly<{ kind: 'rebuilt'; partition: number; from: number; upTo: number; tookMs: number }>
  | Readonly<{ kind: 'halved'; partition: number; records: number }>
  /** The partition does not move until this ends; the next try comes `afterMs` from now. */
  | Readonly<{ kind: 'waiting'; partition: number; during: string; afterMs: number; error: Error }>
  | Readonly<{ kind: 'going-on'; partition: number }>
  | Readonly<{ kind: 'left'; partition: number; why: string }>;
