import type { TokenRecord } from './token.js';

/** A record with the name of its version: it changes with every write. null: there is none. */
export type StandingRecord = Readonly<{ version: string | null; record: TokenRecord }>;

export type LeaseRequest = Readonly<{
  /** Random, and never used twice: it is the fence. */
  lease: string;
  /** The version that the wish to refresh was decided on. */
  version: string | null;
  leaseMs: number;
}>;

/**
 * What replicas share of one credential, so that one of them refreshes and all use the result. Errors: StoreUnavailableError; then
 * nothing is known of the effect.
 */
export interface TokenStore {
  read(id: string): Promise<StandingRecord>;
  /** `busy`: another holds it. `changed`: the record is not the one decided on any more; read it. */
  lease(id: string, request: LeaseRequest): Promise<'leased' | 'busy' | 'changed'>;
  /** Writes and gives the lease back. `fenced`: a later lease was taken, so nothing was written. */
  save(id: string, lease: string, record: TokenRecord): Promise<'saved' | 'fenced'>;
}
