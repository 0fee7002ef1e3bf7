export type RegistryErrorCode = 'unreachable' | 'refused' | 'not-registered' | 'incompatible';

/** The registry could not serve. Only `unreachable` is worth another try; the others need a person. */
export class RegistryError extends Error {
  readonly retryable: boolean;

  constructor(
    readonly code: RegistryErrorCode,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'RegistryError';
    this.retryable = code === 'unreachable';
  }
}
