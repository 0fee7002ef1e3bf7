export type StoreUnavailableCode = 'not-connected' | 'reconnected' | 'timeout' | 'failed' | 'refused';

/**
 * Redis did not answer, or may not be trusted. Nothing is known about the effect, so the caller waits (bounded backoff) and
 * asks again; it never goes on without the answer.
 *
 * `not-connected` no connection now · `reconnected` the connection this call belonged to is gone · `timeout` no answer within the
 * bound · `failed` Redis answered with an error · `refused` connected, but its configuration would lose keys (the message has the mend).
 */
export class StoreUnavailableError extends Error {
  readonly retryable = true;
  constructor(
    readonly code: StoreUnavailableCode,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'StoreUnavailableError';
  }
}
