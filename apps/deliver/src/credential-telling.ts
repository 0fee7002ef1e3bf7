import type { CredentialNews } from '#libs/credentials/src/index.js';
import type { Logger, Metrics } from '#libs/observability/src/index.js';

type Parts = Readonly<{ logger: Logger; metrics: Pick<Metrics<'deliver'>, 'tokenRefresh'>; environment: string }>;
export type CredentialTelling = Readonly<{ news: CredentialNews; counted(result: 'refreshed' | 'failed'): void }>;

const runbook = 'docs/runbooks/credentials.md';

/** News of a destination's credentials as log lines and metrics. Each line says which credential in which environment, and no secret. */
export function credentialTelling(destination: string, { logger, metrics, environment }: Parts): CredentialTelling {
  const about = { destination, environment };
  const at = (ms: number): string => new Date(ms).toISOString();
  for (const result of ['refreshed', 'failed'] as const) metrics.tokenRefresh.inc({ destination, result }, 0);
  return {
    counted: (result) => metrics.tokenRefresh.inc({ destination, result }),
    news: {
      refreshed: ({ expiresAtMs, scopes }) => logger.debug({ ...about, expires: at(expiresAtMs), scopes }, 'a new token is in use'),
      refreshFailed: ({ code, text, count, retryAtMs, isHeld }) =>
        logger.error(
          { ...about, alert: 'credentials', code, reason: text, failures: count, retryAt: at(retryAtMs), isHeld, runbook },
          isHeld ? 'no token: the destination is held' : 'the token could not be renewed; the last one is still good',
        ),
      rejected: ({ status, count, untilMs }) =>
        logger.error(
          { ...about, alert: 'credentials', status, rejections: count, retryAt: at(untilMs), runbook },
          'the partner rejects the credentials: the destination is held, and one delivery tries again',
        ),
      unusable: (why) => logger.error({ ...about, alert: 'credentials', reason: why, runbook }, 'a secret cannot be used'),
      recovered: () => logger.info({ ...about, alert: 'credentials' }, 'the credentials work again'),
    },
  };
}
