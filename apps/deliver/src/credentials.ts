import type { AuthConfig, Secret, SecretRef, SecretStore } from '#libs/config/src/index.js';
import type { Credentials } from './render-request.js';

/** The static kinds of auth, from the secrets as they are now; OAuth2 comes with the credentials engine. */
export function staticCredentials(auth: AuthConfig | null, secrets: SecretStore): Credentials {
  const text = (ref: SecretRef): string => (secrets.get([ref])[0] as Secret).reveal().toString('utf8');
  switch (auth?.kind) {
    case 'bearer':
      return () => ({ authorization: `Bearer ${text(auth.token)}` });
    case 'basic':
      return () => ({ authorization: `Basic ${Buffer.from(`${auth.username}:${text(auth.password)}`).toString('base64')}` });
    case 'header': {
      const name = auth.name.toLowerCase();
      return () => ({ [name]: text(auth.value) });
    }
    case 'oauth2':
    case undefined:
      return () => ({});
  }
}

export function secretsOf(auth: AuthConfig | null): readonly SecretRef[] {
  switch (auth?.kind) {
    case 'bearer':
      return [auth.token];
    case 'basic':
      return [auth.password];
    case 'header':
      return [auth.value];
    case 'oauth2':
    case undefined:
      return [];
  }
}
