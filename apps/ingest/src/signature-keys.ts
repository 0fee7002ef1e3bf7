import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { Secret } from '#libs/config/src/index.js';

/** What was signed, in pieces, so that a body is not copied behind its prefix. */
export type Signed = readonly (string | Buffer)[];

/** From bytes, Node takes five times as long for a key as for a signature: each secret's key is made once. */
export class SecretKeys {
  private readonly keys = new WeakMap<Secret, KeyObject | null>();

  /** `bytesOf` reads the key out of the secret; null: it is none of this scheme's. */
  constructor(private readonly bytesOf: (secret: Buffer) => Buffer | null = (secret) => secret) {}

  /** Every secret and every signature is tried whether or not one has fitted, so that the time taken does not tell which. */
  anyFits(secrets: readonly Secret[], algorithm: string, signed: Signed, given: readonly Buffer[]): boolean {
    let fits = false;
    for (const secret of secrets) {
      const key = this.keyOf(secret);
      if (key === null) continue;
      const hmac = createHmac(algorithm, key);
      for (const part of signed) hmac.update(part);
      const expected = hmac.digest();
      for (const one of given) if (expected.length === one.length && timingSafeEqual(expected, one)) fits = true;
    }
    return fits;
  }

  private keyOf(secret: Secret): KeyObject | null {
    const known = this.keys.get(secret);
    if (known !== undefined) return known;
    const bytes = this.bytesOf(secret.reveal());
    const key = bytes === null ? null : createSecretKey(bytes);
    this.keys.set(secret, key);
    return key;
  }
}

/** Longer signature headers are refused unread: the longest real ones carry a few signatures of 128 hex digits. */
export const SIGNATURE_MAX_CHARS = 2_048;
/** Signatures of one request that are looked at: a sender that rotates its secret sends two. */
export const SIGNATURES_MAX = 8;

export type Encoding = 'hex' | 'base64' | 'base64url';
const ALPHABET = { hex: /^[0-9a-f]+$/i, base64: /^[A-Za-z0-9+/]+={0,2}$/, base64url: /^[A-Za-z0-9_-]+={0,2}$/ };

/** `Buffer.from` stops silently at the first character it does not know, so the alphabet is checked first. */
export const signatureBytes = (text: string, encoding: Encoding): Buffer | null =>
  ALPHABET[encoding].test(text) ? Buffer.from(text, encoding) : null;
