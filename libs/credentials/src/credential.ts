import type { Valve } from '#libs/delivery/src/index.js';

/** What one request carries to show who we are, as it is now. `tid` names the token or secret. Made once for each of them. */
export type CredentialParts = Readonly<{
  tid: string;
  headers: Readonly<Record<string, string>>;
  /** `name=value`, encoded, for the URL. */
  query: string | null;
  /** What must not come back in an outcome. */
  words: readonly string[];
}>;

/** What a partner's answer says of the credential that came with the request. */
export type CredentialAnswer = 'rejected' | 'accepted' | 'nothing';

/** The credentials of one destination. Synchronous: a token is never waited for in a slot; while there is none, the valve is closed. */
export interface Credential {
  readonly valve: Valve;
  parts(): CredentialParts;
  answered(tid: string, answer: CredentialAnswer, status: number | null): void;
}

/** Told as it happens; synchronous, never throws, and holds no secret. */
export interface CredentialNews {
  refreshed(told: Readonly<{ expiresAtMs: number; scopes: readonly string[] }>): void;
  /** A token was not given. `isHeld`: there is none left to work with. */
  refreshFailed(told: Readonly<{ code: string; text: string; count: number; retryAtMs: number; isHeld: boolean }>): void;
  /** The partner rejects what we show; one delivery tries again at `untilMs`. */
  rejected(told: Readonly<{ status: number | null; count: number; untilMs: number }>): void;
  /** A secret cannot be used as it is; it is looked at again when it changes. */
  unusable(why: string): void;
  /** What was told by the three above is over. */
  recovered(): void;
}

/** What a header may hold (RFC 9110), and nothing that splits. */
export const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;
