import type { Standing } from './standing.fold.js';

/** One record of `hf.events` as a row. Times in ms since the epoch; `record` as it stands in Kafka. */
export type EventRow = Readonly<{
  appendedat: number;
  position: string;
  id: string;
  correlationid: string;
  source: string;
  type: string;
  entity: string;
  revision: string | null;
  record: Buffer;
}>;

/** One record of `hf.ledger` as a row. */
export type FactRow = Readonly<{ appendedat: number; position: string; id: string; eventposition: string; record: Buffer }>;

/** What one read of one partition adds. `from`: where the store stood; null: nowhere yet. */
export type Projection = Readonly<{
  topic: string;
  partition: number;
  from: number | null;
  next: number;
  events: readonly EventRow[];
  facts: readonly FactRow[];
  standings: readonly Standing[];
}>;

/** Where the projection is kept. Errors: StoreError, always worth another try. */
export interface LedgerStore {
  /** Where the projection of a partition goes on; null: nothing of it was projected. */
  progress(topic: string, partition: number): Promise<number | null>;
  /** Rows and progress in one transaction. `moved`: the store stands elsewhere than `from`, and nothing was written. */
  project(projection: Projection): Promise<'stored' | 'moved'>;
}
