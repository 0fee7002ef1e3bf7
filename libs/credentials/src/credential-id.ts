import { hash } from 'node:crypto';
import type { AuthConfig, OAuth2Config, SecretRef, TlsConfig } from '#libs/config/src/index.js';
import { refOf } from './static-credential.js';
import { secretsOfTls } from './tls-source.js';

/**
 * Names the token that a configuration asks for: equal ones share it, over destinations and replicas, and a changed one begins
 * anew. Knows where secrets are, not what they are, so a rotated secret keeps its token.
 */
export function credentialId(environment: string, { tokenUrl, clientId, clientAuth, scopes, audience, grant }: OAuth2Config): string {
  const line = grant.kind === 'refresh_token' ? nameOf(grant.refreshToken) : '';
  const parts = [environment, tokenUrl, clientId, clientAuth.kind, [...scopes].sort(), audience, grant.kind, line];
  return hash('sha256', JSON.stringify(parts)).slice(0, 24);
}

export const nameOf = (ref: SecretRef): string => (ref.kind === 'file' ? `file ${ref.path}` : `env ${ref.name}`);

/** Where each secret of a destination's credentials is, under the name of its key. */
export function secretPlaces(auth: AuthConfig | null, tls: TlsConfig | null): readonly Readonly<{ key: string; ref: SecretRef }>[] {
  const ofTls = (at: string, written: TlsConfig | null): { key: string; ref: SecretRef }[] =>
    (['cert', 'key', 'ca'] as const).flatMap((key) => (written?.[key] ? [{ key: `${at}.${key}`, ref: written[key] }] : []));
  if (auth?.kind !== 'oauth2') return [...(auth ? [{ key: `auth.${auth.kind}`, ref: refOf(auth) }] : []), ...ofTls('tls', tls)];
  return [
    ...secretsOfClient(auth).map(({ key, ref }) => ({ key: `auth.oauth2.${key}`, ref })),
    ...ofTls('auth.oauth2.tls', auth.tls),
    ...ofTls('tls', tls),
  ];
}

/** What a token is asked for with. */
export function secretsOfClient({ clientAuth, grant }: OAuth2Config): readonly Readonly<{ key: string; ref: SecretRef }>[] {
  return [
    ...(clientAuth.kind === 'private-key-jwt' ? [{ key: 'privateKey', ref: clientAuth.key }] : []),
    ...(clientAuth.kind === 'basic' || clientAuth.kind === 'post' ? [{ key: 'clientSecret', ref: clientAuth.secret }] : []),
    ...(grant.kind === 'refresh_token' ? [{ key: 'refreshToken', ref: grant.refreshToken }] : []),
  ];
}

export { secretsOfTls };
