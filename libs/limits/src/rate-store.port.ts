import type { RateTerms } from './gcra.fold.js';

/** Where the replicas of a destination share its rate. */
export interface RateStore {
  /** Reserves up to `count` tokens. Errors: StoreUnavailableError; what it had reserved then lapses unused. */
  reserve(destination: string, count: number, terms: RateTerms): Promise<Reservation>;
}

/**
 * Tokens with their moments, counted from `nowUs` of the store's clock: token k is good from `firstUs + k × interval` (at once if
 * that is negative). The store answered between the call and its return, which is all that is known of its clock.
 */
export type Reservation = Readonly<{ granted: number; firstUs: number; waitUs: number; nowUs: number }>;
