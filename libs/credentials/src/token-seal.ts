import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Secret } from '#libs/config/src/index.js';

const keyMinBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** Seals texts for a place: what is sealed for one place does not open at another. AES-256-GCM; the first key seals, all open. */
export type TokenSeal = Readonly<{
  seal(place: string, text: string): string;
  /** null: none of the keys opens it. */
  open(place: string, sealed: string): string | null;
}>;

/** `keys` is read for every use, since secrets rotate. A key shorter than 32 bytes throws RangeError. */
export function tokenSeal(keys: () => readonly Secret[]): TokenSeal {
  const derived = new WeakMap<Secret, Buffer>();
  const keyOf = (secret: Secret): Buffer => {
    const known = derived.get(secret);
    if (known) return known;
    const bytes = secret.reveal();
    if (bytes.length < keyMinBytes) throw new RangeError(`a key of credentials.tokenKeys is shorter than ${keyMinBytes} bytes`);
    const key = Buffer.from(hkdfSync('sha256', bytes, Buffer.alloc(0), 'holdfast token store', 32));
    derived.set(secret, key);
    return key;
  };
  keys().forEach(keyOf);
  return {
    seal: (place, text) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', keyOf(keys()[0]!), nonce).setAAD(Buffer.from(place));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
    },
    open: (place, sealed) => {
      const bytes = Buffer.from(sealed, 'base64');
      for (const secret of keys()) {
        try {
          const decipher = createDecipheriv('aes-256-gcm', keyOf(secret), bytes.subarray(0, nonceBytes)).setAAD(Buffer.from(place));
          decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
          return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]).toString('utf8');
        } catch {
          // Sealed under another key, or not by us: the next one may open it.
        }
      }
      return null;
    },
  };
}
