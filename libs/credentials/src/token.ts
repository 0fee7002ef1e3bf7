/** One access token, as every replica uses it. `tid` names it without telling anything of it. Times are ms since the epoch. */
export type Token = Readonly<{
  tid: string;
  accessToken: string;
  /** The moment before it was asked for. */
  issuedAtMs: number;
  expiresAtMs: number;
  /** What was granted, which may be less than what was asked for. */
  scopes: readonly string[];
}>;

/** `refused`: the server said no, and says it again until somebody acts. `insufficient-scope`: it gave a token that cannot do the work. */
export type FailureKind = 'unavailable' | 'refused' | 'insufficient-scope' | 'secret-unusable';

/** What of a failed refresh may be told: a code and the server's own words, without secrets. */
export type RefreshFailure = Readonly<{ kind: FailureKind; code: string; text: string; atMs: number }>;

/** Failures since the last success, and when the next try is due, for all replicas. */
export type Failing = Readonly<{ count: number; retryAtMs: number; last: RefreshFailure }>;

/**
 * What all replicas know of one credential. A token may stand beside `failing`: it is used for as long as it is good.
 *
 * `refreshToken`: the newest of a rotating line; `seed` names the configured one that the line began with, so that a new one in
 * the secret's file begins another. Its `value` is null where it is sealed under a key that is not here.
 */
export type TokenRecord = Readonly<{
  token: Token | null;
  failing: Failing | null;
  refreshToken: Readonly<{ value: string | null; seed: string }> | null;
}>;
