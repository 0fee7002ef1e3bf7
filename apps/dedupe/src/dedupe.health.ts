import { failed, passed, type Readiness } from '#libs/observability/src/index.js';
import type { DedupeProcess } from './dedupe.process.js';
import type { DedupeTelling } from './dedupe.telling.js';

/** What dedupe needs to do its job: Redis that forgets nothing, a place in its group, and partitions that move. */
export function registerHealth(
  readiness: Readiness,
  parts: Readonly<{
    redis: Readonly<{ status(): Readonly<{ ready: boolean; why: string | null }> }>;
    process: DedupeProcess;
    telling: DedupeTelling;
  }>,
): void {
  const { redis, process, telling } = parts;
  readiness.register('redis', () => {
    const { ready, why } = redis.status();
    return ready
      ? passed
      : failed(why ?? 'redis: not ready', 'Start Redis or mend REDIS_URL; until then every partition waits and nothing is lost.');
  });
  readiness.register('kafka', () => {
    const { joined, missingTopic } = process.source.status();
    if (missingTopic) return failed(`topic ${process.topic} is missing`, 'Run: npx holdfast topics apply');
    return joined
      ? passed
      : failed(
          `not in group ${process.group} at the moment`,
          'Wait for the rebalance; if it lasts, look at KAFKA_BROKERS and the brokers.',
        );
  });
  readiness.register('partitions', () => {
    const waits = [...telling.waiting()].map(([partition, why]) => `${process.topic}/${partition} waits while ${why}`);
    return waits.length === 0 ? passed : failed(waits.join('; ').slice(0, 2_000), 'Mend what it waits for: it goes on by itself.');
  });
}
