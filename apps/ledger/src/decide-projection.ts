import { formatPosition, type Fact, type HoldfastEvent } from '#libs/domain/src/index.js';
import type { EventRow, FactRow } from '#libs/ledger/src/index.js';

/** A record as it stands, with its value. */
export type Stood = Readonly<{ topic: string; partition: number; offset: number; timestampMs: number; value: Buffer }>;

export const eventRow = (event: HoldfastEvent, record: Stood): EventRow => ({
  appendedat: record.timestampMs,
  position: formatPosition(record),
  id: event.id,
  correlationid: event.correlationid,
  source: event.source,
  type: event.type,
  entity: event.subject,
  revision: event.revision,
  record: record.value,
});

export const factRow = (fact: Fact, record: Stood): FactRow => ({
  appendedat: record.timestampMs,
  position: formatPosition(record),
  id: fact.id,
  eventposition: fact.eventposition,
  record: record.value,
});
