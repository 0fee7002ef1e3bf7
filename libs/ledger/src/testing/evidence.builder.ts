import type { Fact, HistoryEntry, HoldfastEvent } from '#libs/domain/src/index.js';
import type { DeliveryTrace } from '../destination.fold.js';
import type { Evidence } from '../verdict.fold.js';

/** Plain, valid values for tests; what a row is about is given, the rest is said once here. */
export const eventPosition = 'hf.events/0/7';

export const event = (over: Partial<HoldfastEvent> = {}): HoldfastEvent => ({
  id: 'evt-1',
  source: 'erp',
  type: 'order.updated',
  subject: 'order-1',
  time: null,
  datacontenttype: 'application/json',
  dataschema: null,
  data: Buffer.from('{}'),
  correlationid: 'corr-0001',
  traceparent: null,
  revision: null,
  schemaversion: null,
  receivedat: 1_000,
  idempotencykey: 'evt-1',
  origin: null,
  attributes: {},
  faults: [],
  ...over,
});

export const fact = (over: Partial<Fact> & Pick<Fact, 'fact'>): Fact => ({
  id: 'evt-1',
  correlationid: 'corr-0001',
  at: 1_010,
  app: over.fact === 'judged' ? 'dedupe' : 'deliver',
  type: 'order.updated',
  source: 'erp',
  eventposition: eventPosition,
  position: eventPosition,
  destination: null,
  delivery: null,
  hop: null,
  verdict: null,
  duplicateof: null,
  class: null,
  attempt: null,
  attempts: [],
  destinations: [],
  tier: null,
  until: null,
  reason: null,
  by: null,
  faults: [],
  externalid: null,
  ...over,
});

export const judged = (verdict: string, over: Partial<Fact> = {}): Fact =>
  fact({ fact: 'judged', verdict, destinations: verdict === 'accepted' ? ['portal'] : [], ...over });

/** A fact of deliver at the k-th record of the one delivery. */
export const ofDelivery = (kind: Fact['fact'], hop: number, over: Partial<Fact> = {}): Fact =>
  fact({
    fact: kind,
    at: 1_100 + hop * 100,
    destination: 'portal',
    delivery: 'dlv-1',
    hop,
    position: `hf.deliveries.portal/2/${30 + hop}`,
    ...over,
  });

export const attempt = (number: number, over: Partial<HistoryEntry> = {}): HistoryEntry => ({
  attempt: number,
  class: 'delivered',
  status: 200,
  error: null,
  body: null,
  at: 1_050 + number * 100,
  tookms: 12,
  rule: 'default',
  stage: null,
  ...over,
});

export const trace = (over: Partial<DeliveryTrace> = {}): DeliveryTrace => ({
  delivery: 'dlv-1',
  destination: 'portal',
  eventposition: eventPosition,
  hop: 0,
  attempt: 0,
  room: 'queue',
  position: 'hf.deliveries.portal/2/30',
  appendedat: 1_020,
  until: null,
  reason: null,
  class: null,
  ...over,
});

export const evidence = (over: Partial<Evidence> = {}): Evidence => ({
  received: [{ position: eventPosition, event: event() }],
  facts: [],
  traces: [],
  passed: () => null,
  ...over,
});
