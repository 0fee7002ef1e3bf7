import type { CredentialNews } from '#libs/credentials/src/index.js';
import type { Logger, Metrics } from '#libs/observability/src/index.js';

/** What stands wrong with a destination's credentials, for tickets. Told as it changes; raised and resolved by who watches. */
export type CredentialTroubles = Pick<Map<string, string | null>, 'set'>;

type Parts = Readonly<{
  logger: Logger;
  metrics: Pick<Metrics<'deliver'>, 'tokenRefresh'>;
  environment: string;
  /** Null: nothing is wrong any more. */
  troubles: CredentialTroubles;
}>;
export type CredentialTelling = Readonly<{ news: CredentialNews; counted(result: 'refreshed' | 'failed'): void }>;

const runbook = 'docs/runbooks/credentials.md';

/** News of a destination's credentials as log lines and metrics. Each line says which credential in which environment, and no secret. */
export function credentialTelling(destination: string, { logger, metrics, environment, troubles }: Parts): CredentialTelling {
  const about = { destination, environment };
  const at = (ms: number): string => new Date(ms).toISOString();
  for (const result of ['refreshed', 'failed'] as const) metrics.tokenRefresh.inc({ destination, result }, 0);
  return {
    counted: (result) => metrics.tokenRefresh.inc({ destination, result }),
    news: {
      refreshed: ({ expiresAtMs, scopes }) => {
        troubles.set(destination, null);
        logger.debug({ ...about, expires: at(expiresAtMs), scopes }, 'a new token is in use');
      },
      refreshFailed: ({ code, text, count, retryAtMs, isHeld }) => {
        troubles.set(
          destination,
          `no token (${code}, ${count} times)${isHeld ? ', and the destination is held' : '; the last one is still good'}`,
        );
        logger.error(
          { ...about, alert: 'credentials', code, reason: text, failures: count, retryAt: at(retryAtMs), isHeld, runbook },
          isHeld ? 'no token: the destination is held' : 'the token could not be renewed; the last one is still good',
        );
      },
      rejected: ({ status, count, untilMs }) => {
        troubles.set(
          destination,
          `the partner rejects what is shown (${status ?? 'by its answer'}, ${count} times), and the destination is held`,
        );
        logger.error(
          { ...about, alert: 'credentials', status, rejections: count, retryAt: at(untilMs), runbook },
          'the partner rejects the credentials: the destination is held, and one delivery tries again',
        );
      },
      unusable: (why) => {
        troubles.set(destination, `a secret cannot be used: ${why}`);
        logger.error({ ...about, alert: 'credentials', reason: why, runbook }, 'a secret cannot be used');
      },
      recovered: () => {
        troubles.set(destination, null);
        logger.info({ ...about, alert: 'credentials' }, 'the credentials work again');
      },
    },
  };
}
