import { failed, passed, type Readiness } from '#libs/observability/src/index.js';

export type HealthParts = Readonly<{
  ledger: { ping(): Promise<void> };
  kafka: () => Promise<unknown>;
  redis: { status(): Readonly<{ ready: boolean; why: string | null }> };
}>;

/** What the console needs to answer: Postgres to look, Kafka to act, Redis for breakers. */
export function registerHealth(readiness: Readiness, { ledger, kafka, redis }: HealthParts): void {
  const answers = async (ask: () => Promise<unknown>, mend: string) => {
    try {
      await ask();
      return passed;
    } catch (error) {
      return failed(error instanceof Error ? error.message : String(error), mend);
    }
  };
  readiness.register('postgres', () => answers(() => ledger.ping(), 'Start Postgres or mend DATABASE_URL.'));
  readiness.register('kafka', () => answers(kafka, 'Look at KAFKA_BROKERS and the brokers.'));
  readiness.register('redis', () => {
    const { ready, why } = redis.status();
    return ready ? passed : failed(why ?? 'redis: not ready', 'Start Redis or mend REDIS_URL.');
  });
}
