import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Secret } from '#libs/config/src/index.js';

/** Signs one request: answers the headers that prove it. The same `id` for every attempt; the time is the attempt's own. */
export type Signer = (message: Readonly<{ id: string; body: Buffer | null; nowMs: number }>) => Readonly<Record<string, string>>;

/** What the specification allows a key to be. */
const KEY_MIN_BYTES = 24;
const KEY_MAX_BYTES = 64;

/**
 * Standard Webhooks, symmetric (v1). All listed secrets sign, so that a partner may change from the old to the new one whenever
 * it likes. The secrets are read anew for each request, their keys made once.
 *
 * A secret that is changed into something unusable leaves the last good key of its place at work: a rotation that goes wrong must
 * not turn every delivery away.
 *
 * @throws RangeError at the start, when a secret cannot be a key; it names the place in the list, never the secret
 */
export function standardWebhooksSigner(secrets: () => readonly Secret[]): Signer {
  const known = new WeakMap<Secret, KeyObject>();
  const last: KeyObject[] = secrets().map((secret, n) => {
    const key = keyOf(secret);
    if (!key) {
      const bytes = `${KEY_MIN_BYTES} to ${KEY_MAX_BYTES} bytes`;
      throw new RangeError(`signing.secrets[${n}] is no Standard Webhooks secret: write whsec_ and the base64 of ${bytes}`);
    }
    known.set(secret, key);
    return key;
  });
  const keyAt = (secret: Secret, n: number): KeyObject => {
    let key = known.get(secret);
    if (!key) {
      key = keyOf(secret) ?? last[n]!;
      known.set(secret, key);
      last[n] = key;
    }
    return key;
  };
  return ({ id, body, nowMs }) => {
    const timestamp = String(Math.floor(nowMs / 1_000));
    const signed = secrets().map((secret, n) => {
      const mac = createHmac('sha256', keyAt(secret, n)).update(`${id}.${timestamp}.`);
      if (body) mac.update(body);
      return `v1,${mac.digest('base64')}`;
    });
    return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signed.join(' ') };
  };
}

function keyOf(secret: Secret): KeyObject | null {
  const text = secret.reveal().toString('utf8').trim();
  const encoded = text.startsWith('whsec_') ? text.slice('whsec_'.length) : text;
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(encoded)) return null;
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.length >= KEY_MIN_BYTES && bytes.length <= KEY_MAX_BYTES ? createSecretKey(bytes) : null;
}
