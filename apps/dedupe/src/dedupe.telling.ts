import type { Logger, Metrics } from '#libs/observability/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import type { DedupeNews } from './dedupe.ports.js';

export type DedupeTelling = Readonly<{
  tell(news: DedupeNews): void;
  /** Partitions that do not move, and why. */
  waiting(): ReadonlyMap<number, string>;
}>;

type Parts = Readonly<{
  logger: Logger;
  metrics: Pick<Metrics<'dedupe'>, 'eventsJudged' | 'redisRebuilds'>;
  boundedType(type: string): string;
  clock: Pick<Clock, 'monotonicMs'>;
}>;

/** A state that lasts is said again this often. */
const againMs = 10_000;

/** News of the pipeline as log lines, metrics and what readiness looks at. */
export function dedupeTelling({ logger, metrics, boundedType, clock }: Parts): DedupeTelling {
  const waiting = new Map<number, string>();
  const lastSaid = new Map<string, number>();
  const rebuilds = new Set<number>();
  metrics.redisRebuilds.inc({ app: 'dedupe' }, 0); // Shown from the start: a first rebuild is then an increase.
  const seldom = (what: string, say: () => void): void => {
    const now = clock.monotonicMs();
    if (now - (lastSaid.get(what) ?? -Infinity) < againMs) return;
    lastSaid.set(what, now);
    say();
  };
  const goesOn = (partition: number): void => {
    if (waiting.delete(partition)) logger.info({ partition }, 'the partition goes on');
    lastSaid.delete(`waiting ${partition}`);
  };
  const countRebuild = (partition: number): void => {
    if (!rebuilds.has(partition)) metrics.redisRebuilds.inc({ app: 'dedupe' });
    rebuilds.add(partition);
  };
  const settled = ({ partition, offset, judged }: Extract<DedupeNews, { kind: 'settled' }>): void => {
    goesOn(partition);
    for (const { read, verdict } of judged) metrics.eventsJudged.inc({ type: boundedType(read.event.type), verdict: verdict.verdict });
    logger.debug({ partition, offset, events: judged.length }, 'judged');
  };
  const tell = (news: DedupeNews): void => {
    const { partition, ...detail } = news;
    switch (news.kind) {
      case 'settled':
        return settled(news);
      case 'owned':
        goesOn(partition);
        return logger.info({ partition, ...detail }, 'owns the partition');
      case 'going-on':
        return goesOn(partition);
      case 'rebuilding':
        countRebuild(partition);
        return seldom(`rebuilding ${partition}`, () =>
          logger.warn({ partition, ...detail }, 'Redis forgot: judging the missing range of the log again'),
        );
      case 'rebuilt':
        countRebuild(partition);
        rebuilds.delete(partition);
        lastSaid.delete(`rebuilding ${partition}`);
        return logger.warn({ partition, ...detail }, 'what Redis had forgotten is in again');
      case 'halved':
        return logger.warn({ partition, ...detail }, 'a batch is too large for one transaction: halved');
      case 'waiting':
        waiting.set(partition, `${news.during}: ${news.error.message}`);
        return seldom(`waiting ${partition}`, () =>
          logger.error({ partition, during: news.during, afterMs: news.afterMs, err: news.error }, 'the partition waits'),
        );
      case 'left':
        waiting.delete(partition);
        return logger.info({ partition, ...detail }, 'has left the partition');
    }
  };
  return { tell, waiting: () => waiting };
}
