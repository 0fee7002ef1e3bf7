import { inspect } from 'node:util';
import type { SecretRef } from './configuration.js';

const SHOWN = '[secret]';

/**
 * A secret that cannot be printed by accident: `String(s)`, JSON and `console.log` all give `[secret]`.
 * Only {@link Secret.reveal} gives the bytes, so that every use is found by its name.
 */
export class Secret {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer | string) {
    this.#bytes = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : Buffer.from(bytes);
  }

  /** The secret's bytes: for an HMAC or a header, never for a log line. */
  reveal(): Buffer {
    return this.#bytes;
  }

  equals(other: Secret): boolean {
    return this.#bytes.equals(other.#bytes);
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}

/** Secrets by reference, kept current: a changed file is seen within 15 s, without a restart. */
export interface SecretStore {
  /** The secrets of a list, in its order. Throws {@link SecretError} when one could never be read. */
  get(refs: readonly SecretRef[]): readonly Secret[];
  /** Stops watching. */
  close(): void;
}
