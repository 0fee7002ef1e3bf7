import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { Secret, SecretStore, VerifyConfig } from '#libs/config/src/index.js';
import type { SignatureVerifier } from './ingest.ports.js';

type HmacShape = Readonly<{ header: string; algorithm: string; encoding: 'hex' | 'base64' | 'base64url'; prefix: string }>;

const GITHUB: HmacShape = { header: 'x-hub-signature-256', algorithm: 'sha256', encoding: 'hex', prefix: 'sha256=' };
/** Longer signature headers are refused unread: the longest real one is a prefix and 128 hex digits. */
const SIGNATURE_MAX_CHARS = 512;

/** A scheme that is accepted by the configuration and not built yet refuses every request; the configuration check warns of it. */
export function signatureVerifier(verify: VerifyConfig, secrets: Pick<SecretStore, 'get'>): SignatureVerifier {
  switch (verify.scheme) {
    case 'none':
      return { verify: () => true };
    case 'github':
      return hmacVerifier(GITHUB, () => secrets.get(verify.secrets));
    case 'hmac':
      return hmacVerifier(verify, () => secrets.get(verify.secrets));
    case 'stripe':
    case 'shopify':
    case 'slack':
    case 'standard-webhooks':
      return { verify: () => false };
  }
}

/** Every secret is tried whether or not one has fitted, so that the time taken does not tell which. */
function hmacVerifier(shape: HmacShape, secrets: () => readonly Secret[]): SignatureVerifier {
  const keys = new WeakMap<Secret, KeyObject>();
  return {
    verify(header, body) {
      const given = signatureOf(shape, header(shape.header));
      if (given === null) return false;
      let fits = false;
      for (const secret of secrets()) {
        // Made once a secret: from bytes, Node takes five times as long for the key as for the signature.
        const key = keys.get(secret) ?? createSecretKey(secret.reveal());
        keys.set(secret, key);
        const expected = createHmac(shape.algorithm, key).update(body).digest();
        if (expected.length === given.length && timingSafeEqual(expected, given)) fits = true;
      }
      return fits;
    },
  };
}

const ALPHABET = { hex: /^[0-9a-f]+$/i, base64: /^[A-Za-z0-9+/]+={0,2}$/, base64url: /^[A-Za-z0-9_-]+={0,2}$/ };

function signatureOf({ prefix, encoding }: HmacShape, header: string | undefined): Buffer | null {
  if (header === undefined || header.length > SIGNATURE_MAX_CHARS || !header.startsWith(prefix)) return null;
  const text = header.slice(prefix.length);
  // Buffer.from stops silently at the first character it does not know, so the alphabet is checked first.
  return ALPHABET[encoding].test(text) ? Buffer.from(text, encoding) : null;
}
