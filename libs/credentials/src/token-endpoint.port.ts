import type { FailureKind } from './token.js';

export type Granted = Readonly<{
  kind: 'granted';
  accessToken: string;
  /** null: the server did not say. */
  expiresInMs: number | null;
  /** As the server wrote it; null: as asked for. */
  scope: string | null;
  /** A new one takes the place of the one that was used. */
  refreshToken: string | null;
}>;

export type NotGranted = Readonly<{ kind: 'failed'; failure: FailureKind; code: string; text: string; retryAfterMs: number | null }>;

/** The server that gives tokens, with the secrets as they are when it is asked. Never rejects; what fails tells no secret. */
export interface TokenEndpoint {
  ask(refreshToken: string | null): Promise<Granted | NotGranted>;
  close(): Promise<void>;
}
