import { failed, passed, type Readiness } from '#libs/observability/src/index.js';
import type { LedgerProcess } from './ledger.process.js';
import type { LoggedTelling } from './telling.js';

/** What the ledger needs to do its job: both groups, Postgres, and partitions that move. */
export function registerHealth(
  readiness: Readiness,
  { process, ping, telling }: Readonly<{ process: LedgerProcess; ping(): Promise<void>; telling: LoggedTelling }>,
): void {
  readiness.register('kafka', () => {
    for (const { group, topic, joined, missingTopic } of process.status()) {
      if (missingTopic) return failed(`topic ${topic} is missing`, 'Run: npx holdfast topics apply');
      if (!joined) {
        return failed(`not in group ${group} at the moment`, 'Wait for the rebalance; if it lasts, look at KAFKA_BROKERS and the brokers.');
      }
    }
    return passed;
  });
  readiness.register('postgres', async () => {
    try {
      await ping();
      return passed;
    } catch (error) {
      return failed(
        error instanceof Error ? error.message : String(error),
        'Start Postgres or mend DATABASE_URL; events and facts wait in Kafka until then.',
      );
    }
  });
  readiness.register('partitions', () => telling.check());
}
