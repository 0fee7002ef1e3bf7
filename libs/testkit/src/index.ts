export * from './partner.js';
export type { PartnerOptions, PartnerStats } from './partner-books.js';
export * from './partner-rule.js';
export type { Arrival, ArrivalCounters, ArrivalEnd } from './partner-arrivals.js';
export type { Double, StoreCounters, StoredRecord } from './partner-store.js';
export * from './cuttable-link.js';
export * from './seeded-random.js';
export * from './wait-for.js';
