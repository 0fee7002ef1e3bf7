/** The store could not serve; nothing was stored, or it is not known (then the same comes again and stands once). */
export class StoreError extends Error {
  readonly retryable = true;
  constructor(
    readonly code: 'unavailable',
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'StoreError';
  }
}
