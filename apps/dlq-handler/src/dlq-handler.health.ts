import { failed, passed, type Readiness } from '#libs/observability/src/index.js';
import type { DlqHandlerProcess } from './dlq-handler.process.js';
import type { LoggedTelling } from './telling.js';

/** What dlq-handler needs to do its job: both groups, Postgres, and partitions that move. */
export function registerHealth(
  readiness: Readiness,
  parts: Readonly<{ process: DlqHandlerProcess; ping(): Promise<void>; telling: LoggedTelling }>,
): void {
  const { process, ping, telling } = parts;
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
        'Start Postgres or mend DATABASE_URL; dead letters wait in Kafka until then.',
      );
    }
  });
  readiness.register('partitions', () => telling.check());
}
