import type { DestinationConfig, OutboundGuard, SecretStore } from '#libs/config/src/index.js';
import { openCredential } from '#libs/credentials/src/credentials.module.js';
import { authorized, tlsSource, type Credential, type TlsSource, type TokenStore } from '#libs/credentials/src/index.js';
import { decideClass, type ClassRules, type Outcome } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import type { CredentialTelling } from './credential-telling.js';
import type { Sender } from './deliver.ports.js';

export type CredentialWiring = Readonly<{
  environment: string;
  secrets: SecretStore;
  store: TokenStore;
  outbound: OutboundGuard;
  clock: Clock;
  telling(destination: string): CredentialTelling;
}>;

/** How a destination shows who we are, and over which certificate. Neither costs anything where it is not configured. */
export function credentialsOf(
  { name, auth, tls }: DestinationConfig,
  { telling, ...parties }: CredentialWiring,
): Readonly<{ credential: Credential | null; tls: TlsSource | null }> {
  if (auth === null && tls === null) return { credential: null, tls: null };
  const { news, counted } = telling(name);
  return {
    credential: auth && openCredential(auth, { ...parties, news, counted }),
    tls: tls && tlsSource(tls, parties.secrets, news.unusable),
  };
}

/** Credentials are shown by the sender, when a request is handed over, and by nothing before it. */
export const noHeaders = () => ({});

export const shown = (credential: Credential | null, rules: ClassRules, sender: Sender): Sender =>
  credential === null ? sender : authorized(sender, credential, isAboutCredentials(rules));

const isAboutCredentials =
  (rules: ClassRules) =>
  (outcome: Extract<Outcome, { kind: 'responded' }>): boolean =>
    // Without rules of its own no partner says 401 in a 200.
    (outcome.status >= 300 || rules.classify.length > 0) && decideClass(outcome, rules).class === 'auth';
