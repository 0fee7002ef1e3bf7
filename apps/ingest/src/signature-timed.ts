import { createPublicKey, verify as verifyWith, type KeyObject } from 'node:crypto';
import type { Secret } from '#libs/config/src/index.js';
import type { SignatureVerifier } from './ingest.ports.js';
import { SecretKeys, SIGNATURE_MAX_CHARS, signatureBytes, SIGNATURES_MAX } from './signature-keys.js';

/** A scheme whose signature covers a time: a request that was recorded and is sent again later is refused. */
export type TimedParts = Readonly<{ secrets: () => readonly Secret[]; toleranceMs: number; nowMs: () => number }>;

/** Seconds since the epoch, as these schemes write them. */
const SECONDS = /^[0-9]{1,12}$/;

/** A time ahead of ours is as wrong as one that is past: neither clock is known to be the right one. */
function isTimely(seconds: string, { toleranceMs, nowMs }: TimedParts): boolean {
  return SECONDS.test(seconds) && Math.abs(nowMs() - Number(seconds) * 1_000) <= toleranceMs;
}

const bounded = (header: string | undefined): string | null =>
  header === undefined || header.length > SIGNATURE_MAX_CHARS ? null : header;

/**
 * `Stripe-Signature: t=1492774577,v1=5257a8…,v1=…`: hex of HMAC-SHA256 over `<t>.<body>`; one v1 for each secret of a rotation.
 * Source: Stripe's documentation of webhook signatures.
 */
export function stripeVerifier(parts: TimedParts): SignatureVerifier {
  const keys = new SecretKeys();
  return {
    verify(header, body) {
      const pairs = (bounded(header('stripe-signature')) ?? '').split(',').map((pair) => pair.trim().split('=', 2));
      const times = pairs.filter(([name]) => name === 't').map(([, value]) => value ?? '');
      const given = readAll(
        pairs.filter(([name]) => name === 'v1').map(([, value]) => value ?? ''),
        'hex',
      );
      const [time] = times;
      if (time === undefined || times.length > 1 || !isTimely(time, parts)) return false;
      return keys.anyFits(parts.secrets(), 'sha256', [`${time}.`, body], given);
    },
  };
}

/** `X-Slack-Signature: v0=<hex>` over `v0:<X-Slack-Request-Timestamp>:<body>`. Source: Slack's documentation of signed requests. */
export function slackVerifier(parts: TimedParts): SignatureVerifier {
  const keys = new SecretKeys();
  return {
    verify(header, body) {
      const time = header('x-slack-request-timestamp') ?? '';
      const signature = bounded(header('x-slack-signature')) ?? '';
      if (!isTimely(time, parts) || !signature.startsWith('v0=')) return false;
      return keys.anyFits(parts.secrets(), 'sha256', [`v0:${time}:`, body], readAll([signature.slice('v0='.length)], 'hex'));
    },
  };
}

const ID_MAX_CHARS = 256;

/**
 * Standard Webhooks: `webhook-signature: v1,<base64> v1a,<base64>` over `<webhook-id>.<webhook-timestamp>.<body>`. `v1` is
 * HMAC-SHA256 with the bytes behind `whsec_`; `v1a` is ed25519 with the public key behind `whpk_`. A `svix-` prefix of the three
 * headers is the same scheme under its older name. Source: the Standard Webhooks specification.
 */
export function standardWebhooksVerifier(parts: TimedParts): SignatureVerifier {
  const keys = new SecretKeys(symmetricKey);
  const publicKeys = new WeakMap<Secret, KeyObject | null>();
  const publicKeyOf = (secret: Secret): KeyObject | null => {
    const known = publicKeys.get(secret);
    if (known !== undefined) return known;
    const made = ed25519Key(secret.reveal());
    publicKeys.set(secret, made);
    return made;
  };
  return {
    verify(header, body) {
      const read = (name: string): string | undefined => header(`webhook-${name}`) ?? header(`svix-${name}`);
      const [id, time] = [read('id') ?? '', read('timestamp') ?? ''];
      if (id === '' || id.length > ID_MAX_CHARS || !isTimely(time, parts)) return false;
      const signatures = (bounded(read('signature')) ?? '').split(' ').map((one) => one.split(',', 2));
      const of = (version: string): Buffer[] =>
        readAll(
          signatures.filter(([name]) => name === version).map(([, value]) => value ?? ''),
          'base64',
        );
      const prefix = `${id}.${time}.`;
      let fits = keys.anyFits(parts.secrets(), 'sha256', [prefix, body], of('v1'));
      for (const signature of of('v1a')) {
        for (const secret of parts.secrets()) {
          const key = publicKeyOf(secret);
          if (key !== null && verifyWith(null, Buffer.concat([Buffer.from(prefix), body]), key, signature)) fits = true;
        }
      }
      return fits;
    },
  };
}

const readAll = (texts: readonly string[], encoding: 'hex' | 'base64'): Buffer[] =>
  texts.slice(0, SIGNATURES_MAX).flatMap((text) => signatureBytes(text, encoding) ?? []);

const SYMMETRIC_PREFIX = 'whsec_';
const PUBLIC_PREFIX = 'whpk_';
const ED25519_BYTES = 32;
/** A raw ed25519 key in the form that OpenSSL reads (RFC 8410). */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** The scheme's secrets are base64 behind their prefix; without the prefix they are read the same way. */
function symmetricKey(secret: Buffer): Buffer | null {
  const text = secret.toString('utf8');
  if (text.startsWith(PUBLIC_PREFIX)) return null;
  const bytes = signatureBytes(text.startsWith(SYMMETRIC_PREFIX) ? text.slice(SYMMETRIC_PREFIX.length) : text, 'base64');
  return bytes !== null && bytes.length > 0 ? bytes : null;
}

function ed25519Key(secret: Buffer): KeyObject | null {
  const text = secret.toString('utf8');
  if (!text.startsWith(PUBLIC_PREFIX)) return null;
  const raw = signatureBytes(text.slice(PUBLIC_PREFIX.length), 'base64');
  if (raw === null || raw.length !== ED25519_BYTES) return null;
  return createPublicKey({ key: Buffer.concat([ED25519_SPKI, raw]), format: 'der', type: 'spki' });
}
