import { resolve } from 'node:path';
import type { WrittenAuth, WrittenTls } from './auth.schema.js';
import type { AuthConfig, ClientAuthConfig, SecretRef, TlsConfig } from './configuration.js';
import { durationMs } from './units.js';

export function secretRef(written: { file?: string | undefined; env?: string | undefined }, folder: string): SecretRef {
  return written.file === undefined ? { kind: 'env', name: written.env! } : { kind: 'file', path: resolve(folder, written.file) };
}

export function resolveAuth({ bearer, basic, header, query, oauth2 }: WrittenAuth, folder: string): AuthConfig {
  if (bearer) return { kind: 'bearer', token: secretRef(bearer.token, folder) };
  if (basic) return { kind: 'basic', username: basic.username, password: secretRef(basic.password, folder) };
  if (header) return { kind: 'header', name: header.name, value: secretRef(header.value, folder) };
  if (query) return { kind: 'query', name: query.name, value: secretRef(query.value, folder) };
  if (!oauth2) throw new RangeError('the schema lets no other kind of auth through');
  const { tokenUrl, clientId, scopes, audience, refreshToken, refreshAt, timeout } = oauth2;
  return {
    kind: 'oauth2',
    tokenUrl,
    clientId,
    clientAuth: clientAuth(oauth2, folder),
    scopes,
    audience: audience ?? null,
    grant: refreshToken ? { kind: 'refresh_token', refreshToken: secretRef(refreshToken, folder) } : { kind: 'client_credentials' },
    refreshAt,
    timeoutMs: durationMs(timeout),
    tls: oauth2.tls ? resolveTls(oauth2.tls, folder) : null,
  };
}

function clientAuth(
  { clientAuth: named, clientSecret, privateKey, keyId }: NonNullable<WrittenAuth['oauth2']>,
  folder: string,
): ClientAuthConfig {
  if (privateKey) return { kind: 'private-key-jwt', key: secretRef(privateKey, folder), keyId: keyId ?? null };
  if (!clientSecret || named === 'tls') return { kind: 'tls' };
  return { kind: named === 'post' ? 'post' : 'basic', secret: secretRef(clientSecret, folder) };
}

export function resolveTls({ cert, key, ca }: WrittenTls, folder: string): TlsConfig {
  const ref = (written: WrittenTls['cert']): SecretRef | null => (written ? secretRef(written, folder) : null);
  return { cert: ref(cert), key: ref(key), ca: ref(ca) };
}
