import type { Delivery, HistoryEntry, HoldfastEvent } from '#libs/domain/src/index.js';
import { entryOfDelivery, type Entry, type Standing } from '../decide-entry.js';

export const event = (over: Partial<HoldfastEvent> = {}): HoldfastEvent => ({
  id: 'evt-1',
  source: 'erp',
  type: 'order.updated',
  subject: 'order-1',
  time: null,
  datacontenttype: 'application/json',
  dataschema: null,
  data: Buffer.from('{"orderId":"order-1"}'),
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

export const attempt = (number: number, over: Partial<HistoryEntry> = {}): HistoryEntry => ({
  attempt: number,
  class: 'business',
  status: 422,
  error: null,
  body: '{"error":{"code":"unknown_customer","message":"customer 4711 is unknown"}}',
  at: 1_000 + number,
  tookms: 5,
  rule: 'default',
  stage: null,
  ...over,
});

export const delivery = (over: Partial<Delivery> = {}): Delivery => ({
  id: 'dlv-1',
  destination: 'portal',
  event: event(),
  eventposition: 'hf.events/0/7',
  ordering: 'unordered',
  attempt: 1,
  hop: 1,
  generation: 0,
  firstattemptat: 1_001,
  history: [attempt(1)],
  doubtful: false,
  quietat: null,
  maybetwice: false,
  reason: 'rejected',
  class: 'business',
  deadletteredat: 2_000,
  operation: null,
  excluded: false,
  stages: [],
  retryms: 0,
  doubtsince: null,
  ...over,
});

export const standing = (over: Partial<Standing> = {}): Standing => ({
  topic: 'hf.dlq',
  partition: 0,
  offset: 0,
  incarnation: 'inc-1',
  timestampMs: 2_010,
  headers: {},
  ...over,
});

export const entry = (over: Partial<Entry> = {}, ofDelivery: Partial<Delivery> = {}): Entry => ({
  ...entryOfDelivery(delivery(ofDelivery), standing()),
  ...over,
});
