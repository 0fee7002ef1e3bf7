import { hash } from 'node:crypto';
import type { AuthConfig, OutboundGuard, SecretStore } from '#libs/config/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { credentialId, secretsOfClient } from './credential-id.js';
import type { Credential, CredentialNews } from './credential.js';
import { refreshPolicyDefault } from './decide-refresh.js';
import { StaticCredential } from './static-credential.js';
import { tlsSource } from './tls-source.js';
import { UndiciTokenEndpoint } from './token-endpoint.undici.js';
import { TokenKeeper } from './token-keeper.js';
import type { TokenStore } from './token-store.port.js';

/** The technology behind the ports, for wiring files. */
export { RedisTokenStore, readTokenFacts, type TokenConnection, type TokenFacts } from './token-store.redis.js';
export { rotating } from './guarded-connector.undici.js';

export type CredentialParties = Readonly<{
  environment: string;
  secrets: SecretStore;
  store: TokenStore;
  outbound: OutboundGuard;
  clock: Clock;
  news: CredentialNews;
  /** Each refresh that this replica made. */
  counted(result: 'refreshed' | 'failed'): void;
}>;

/** The credential of one destination, at work until its valve is closed. */
export function openCredential(auth: AuthConfig, parties: CredentialParties): Credential {
  const { environment, secrets, store, outbound, clock, news, counted } = parties;
  const policy = { ...refreshPolicyDefault, refreshAt: auth.kind === 'oauth2' ? auth.refreshAt : 1 };
  if (auth.kind !== 'oauth2') return new StaticCredential(auth, { secrets, clock, policy, news });
  const { grant, timeoutMs, scopes } = auth;
  const tls = auth.tls && tlsSource(auth.tls, secrets, (why) => news.unusable(`auth.oauth2.${why}`));
  const seed =
    grant.kind === 'refresh_token'
      ? () => {
          const value = secrets.get([grant.refreshToken])[0]!.reveal().toString('utf8');
          return { value, name: hash('sha256', value).slice(0, 16) };
        }
      : null;
  const keeper = new TokenKeeper({
    id: credentialId(environment, auth),
    store,
    refresh: { endpoint: new UndiciTokenEndpoint({ config: auth, secrets, outbound, tls }), scopes, seed, timeoutMs, counted },
    secrets,
    refs: secretsOfClient(auth).map(({ ref }) => ref),
    clock,
    policy,
    news,
  });
  keeper.start();
  return keeper;
}
