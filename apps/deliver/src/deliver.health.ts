import { failed, passed, type Readiness } from '#libs/observability/src/index.js';
import type { DeliverProcess } from './deliver.process.js';
import type { DeliverTelling } from './deliver.telling.js';

const textMaxLength = 2_000;

/** What deliver needs to do its job: Redis that forgets nothing, a place in each of its groups, and partitions that move. */
export function registerHealth(
  readiness: Readiness,
  parts: Readonly<{
    redis: Readonly<{ status(): Readonly<{ ready: boolean; why: string | null }> }>;
    process: DeliverProcess;
    telling: DeliverTelling;
  }>,
): void {
  const { redis, process, telling } = parts;
  readiness.register('redis', () => {
    const { ready, why } = redis.status();
    return ready
      ? passed
      : failed(why ?? 'redis: not ready', 'Start Redis or mend REDIS_URL; until then no delivery starts and none is lost.');
  });
  readiness.register('kafka', () => {
    const away = process.status().filter(({ joined, missingTopic }) => missingTopic || !joined);
    if (away.length === 0) return passed;
    const missing = away.filter(({ missingTopic }) => missingTopic).map(({ topic }) => topic);
    if (missing.length > 0) return failed(`missing topics: ${missing.join(', ')}`, 'Run: npx holdfast topics apply');
    const groups = away.map(({ group }) => group).join(', ');
    return failed(
      `not in its groups at the moment: ${groups}`,
      'Wait for the rebalance; if it lasts, look at KAFKA_BROKERS and the brokers.',
    );
  });
  readiness.register('partitions', () => {
    const here = process.here();
    const waits = [...telling.waiting()].filter(([name]) => here.has(name)).map(([name, why]) => `${name} waits: ${why}`);
    return waits.length === 0 ? passed : failed(waits.join('; ').slice(0, textMaxLength), 'Mend what it waits for: it goes on by itself.');
  });
}
