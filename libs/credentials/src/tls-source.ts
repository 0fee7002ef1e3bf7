import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Secret, SecretRef, SecretStore, TlsConfig } from '#libs/config/src/index.js';

/** PEMs for a connection, the same object for as long as they are the same. */
export type TlsSource = () => Readonly<{ cert?: string; key?: string; ca?: string }>;

export const secretsOfTls = (tls: TlsConfig | null): readonly SecretRef[] =>
  tls === null ? [] : [tls.cert, tls.key, tls.ca].filter((ref) => ref !== null);

/**
 * Certificate, key and authorities as they are now. A change that cannot be used (no PEM, a key of another certificate: files are
 * swapped one after the other) is not taken up before it can be; `unusable` is told why.
 */
export function tlsSource(tls: TlsConfig, secrets: SecretStore, unusable: (why: string) => void): TlsSource {
  const refs = secretsOfTls(tls);
  let seen: readonly Secret[] = [];
  let pems: ReturnType<TlsSource> = {};
  return () => {
    const now = secrets.get(refs);
    if (now.length === seen.length && now.every((secret, n) => secret === seen[n])) return pems;
    seen = now;
    const text = (ref: SecretRef | null): string | undefined =>
      ref === null ? undefined : secrets.get([ref])[0]!.reveal().toString('utf8');
    const [cert, key, ca] = [text(tls.cert), text(tls.key), text(tls.ca)];
    const why = faultOf({ cert, key, ca });
    if (why !== null) unusable(why);
    else pems = { ...(cert !== undefined && { cert }), ...(key !== undefined && { key }), ...(ca !== undefined && { ca }) };
    return pems;
  };
}

/** Never quotes what stands in them. */
function faultOf({
  cert,
  key,
  ca,
}: Readonly<{ cert: string | undefined; key: string | undefined; ca: string | undefined }>): string | null {
  const parsed = (pem: string): X509Certificate | null => {
    try {
      return new X509Certificate(pem);
    } catch {
      return null;
    }
  };
  if (ca !== undefined && !parsed(ca)) return 'tls.ca holds no PEM certificate';
  if (cert === undefined || key === undefined) return null;
  const certificate = parsed(cert);
  if (!certificate) return 'tls.cert holds no PEM certificate';
  try {
    return certificate.checkPrivateKey(createPrivateKey(key)) ? null : 'tls.key is not the key of tls.cert';
  } catch {
    return 'tls.key holds no PEM key, or one with a passphrase';
  }
}
