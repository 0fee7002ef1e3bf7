import type { LogRecord } from '#libs/kafka/src/index.js';
import type { SettledReport } from './deliver.ports.js';
import { digestOf, endKindOf, positionOf, recordsOf, unreadableRecords, type End, type RecordScope } from './settlement-records.js';
import type { Settled } from './settler.js';

export type SettledScope = RecordScope & Readonly<{ destination: string }>;
type Tell = (end: SettledReport) => void;

/** What an end settles, and tells when its settlement stands. */
export function settledOf(end: End, scope: SettledScope, tell: Tell): Settled {
  const { offset, delivery, entries } = end.item;
  const records = recordsOf(end, scope);
  const bytes = records.reduce((sum, record) => sum + (record.value?.length ?? 0), 0);
  const told = (): void =>
    tell({
      destination: scope.destination,
      kind: endKindOf(end),
      position: positionOf(offset, delivery.destination, scope),
      delivery,
      last: entries.at(-1) ?? null,
      atMs: end.atMs,
      tier: end.kind === 'delayed' ? end.tier.name : null,
      reason: 'reason' in end ? end.reason : null,
    });
  return { offset, records, bytes, digest: () => digestOf(end, scope), told };
}

/** `key`: of the record in the log that it was read from. */
export type Unreadable = Readonly<{ record: LogRecord; why: Readonly<{ code: string; message: string }>; key: number; atMs: number }>;

export function unreadableSettled({ record, why, key, atMs }: Unreadable, scope: SettledScope, tell: Tell): Settled {
  const records = unreadableRecords(record, why, scope);
  const empty = { ...record, value: null, headers: record.headers };
  const digest = () => unreadableRecords(empty, { ...why, message: `${why.message}; too large to keep` }, scope);
  const blank = { delivery: null, last: null, atMs, tier: null };
  const position = positionOf(key, scope.destination, scope);
  const told = (): void => tell({ destination: scope.destination, kind: 'unreadable', position, ...blank, reason: why.message });
  return { offset: key, records, bytes: record.value?.length ?? 0, digest, told };
}
