import type { Fact } from '#libs/domain/src/index.js';
import type { EventRow, FactRow } from '../ledger-store.port.js';

const AT_MS = Date.UTC(2026, 10, 22, 12);

export const fact = (over: Partial<Fact> = {}): Fact => ({
  id: 'evt-1',
  correlationid: 'corr-0001',
  fact: 'attempted',
  at: AT_MS,
  app: 'deliver',
  type: 'order.updated',
  source: 'erp',
  eventposition: 'hf.events/0/7',
  position: 'hf.deliveries.portal/0/3',
  destination: 'portal',
  delivery: 'dlv-1',
  hop: 0,
  verdict: null,
  duplicateof: null,
  class: 'transient',
  attempt: 1,
  attempts: [],
  destinations: [],
  tier: '30s',
  until: null,
  reason: null,
  by: null,
  faults: [],
  externalid: null,
  ...over,
});

export const judged = (over: Partial<Fact> = {}): Fact =>
  fact({
    fact: 'judged',
    app: 'dedupe',
    position: 'hf.events/0/7',
    destination: null,
    delivery: null,
    hop: null,
    verdict: 'accepted',
    class: null,
    attempt: null,
    tier: null,
    destinations: ['portal'],
    ...over,
  });

export const eventRow = (offset: number, over: Partial<EventRow> = {}): EventRow => ({
  appendedat: AT_MS,
  position: `hf.events/0/${offset}`,
  id: `evt-${offset}`,
  correlationid: 'corr-0001',
  source: 'erp',
  type: 'order.updated',
  entity: 'order-1',
  revision: null,
  record: Buffer.from([0, offset]),
  ...over,
});

export const factRow = (offset: number, over: Partial<FactRow> = {}): FactRow => ({
  appendedat: AT_MS,
  position: `hf.ledger/0/${offset}`,
  id: 'evt-1',
  eventposition: 'hf.events/0/7',
  record: Buffer.from([1, offset]),
  ...over,
});
