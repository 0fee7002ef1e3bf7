import type { SecretStore, VerifyConfig } from '#libs/config/src/index.js';
import type { SignatureVerifier } from './ingest.ports.js';
import { SecretKeys, SIGNATURE_MAX_CHARS, signatureBytes, type Encoding } from './signature-keys.js';
import { slackVerifier, standardWebhooksVerifier, stripeVerifier } from './signature-timed.js';

type HmacShape = Readonly<{ header: string; algorithm: string; encoding: Encoding; prefix: string }>;

const GITHUB: HmacShape = { header: 'x-hub-signature-256', algorithm: 'sha256', encoding: 'hex', prefix: 'sha256=' };
const SHOPIFY: HmacShape = { header: 'x-shopify-hmac-sha256', algorithm: 'sha256', encoding: 'base64', prefix: '' };

/** How a source's requests prove where they come from. What was wrong with one is not told to its sender. */
export function signatureVerifier(
  verify: VerifyConfig,
  store: Pick<SecretStore, 'get'>,
  nowMs: () => number = Date.now,
): SignatureVerifier {
  if (verify.scheme === 'none') return { verify: () => true };
  const secrets = () => store.get(verify.secrets);
  switch (verify.scheme) {
    case 'github':
      return hmacVerifier(GITHUB, secrets);
    case 'shopify':
      return hmacVerifier(SHOPIFY, secrets);
    case 'hmac':
      return hmacVerifier(verify, secrets);
    case 'stripe':
      return stripeVerifier({ secrets, toleranceMs: verify.toleranceMs, nowMs });
    case 'slack':
      return slackVerifier({ secrets, toleranceMs: verify.toleranceMs, nowMs });
    case 'standard-webhooks':
      return standardWebhooksVerifier({ secrets, toleranceMs: verify.toleranceMs, nowMs });
  }
}

function hmacVerifier(shape: HmacShape, secrets: () => ReturnType<SecretStore['get']>): SignatureVerifier {
  const keys = new SecretKeys();
  return {
    verify(header, body) {
      const given = signatureOf(shape, header(shape.header));
      return given !== null && keys.anyFits(secrets(), shape.algorithm, [body], [given]);
    },
  };
}

function signatureOf({ prefix, encoding }: HmacShape, header: string | undefined): Buffer | null {
  if (header === undefined || header.length > SIGNATURE_MAX_CHARS || !header.startsWith(prefix)) return null;
  return signatureBytes(header.slice(prefix.length), encoding);
}
