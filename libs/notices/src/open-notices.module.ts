import { outboundGuard, type AlertName, type HoldfastConfig } from '#libs/config/src/index.js';
import { RedisConnection } from '#libs/identity/src/identity.module.js';
import { systemClock } from '#libs/kafka/src/index.js';
import type { Ground } from '#libs/observability/src/index.js';
import { FallbackNoticeBook } from './notice-book.fallback.js';
import { MemoryNoticeBook } from './notice-book.memory.js';
import { RedisNoticeBook } from './notice-book.redis.js';
import { NoticeBoard } from './notice-board.js';
import type { Notices } from './notices.port.js';
import { watchTimeToLoss, type TimeToLossParts } from './time-to-loss.js';
import { webhookPost } from './webhook-post.undici.js';

type NoticeGround = Pick<Ground, 'app' | 'logger' | 'shutdown'>;
export type OpenNoticesParts = Readonly<{
  ground: NoticeGround;
  config: HoldfastConfig;
  /** The app's own connection, or where to open one. */
  redis: RedisConnection | Readonly<{ url: string }>;
}>;

/** Tickets by webhook. Null, and nothing runs, when nobody is told of any of these. */
export function openNotices({ ground, config, redis }: OpenNoticesParts, alerts: readonly AlertName[]): Notices | null {
  const told = config.alerts.filter(({ on }) => alerts.some((alert) => on.includes(alert)));
  if (told.length === 0) return null;
  const { logger, shutdown } = ground;
  const { post, close } = webhookPost(outboundGuard({ dev: config.dev, allow: config.outbound.allow }));
  shutdown.add('close', 'webhooks of alerts', close);
  const connection = redis instanceof RedisConnection ? redis : openRedis(ground, redis.url);
  const book = new FallbackNoticeBook(new RedisNoticeBook(connection, config.topics.prefix), new MemoryNoticeBook(systemClock));
  return new NoticeBoard({ alerts: told, book, post, clock: systemClock, logger });
}

function openRedis({ app, logger, shutdown }: NoticeGround, url: string): RedisConnection {
  const redis = RedisConnection.open({
    url,
    name: `holdfast-${app}-alerts`,
    onStatus: ({ ready, why }) =>
      ready ? logger.info('redis is ready') : logger.warn({ why }, 'redis is not ready; alerts may come twice'),
  });
  shutdown.add('close', 'redis of alerts', () => redis.close());
  return redis;
}

/** Watches until the process ends. Without somebody to tell, nothing runs. */
export function openTimeToLoss(parts: OpenNoticesParts, watched: Omit<TimeToLossParts, 'notices' | 'clock'>): void {
  const notices = openNotices(parts, ['time-to-loss']);
  if (notices === null) return;
  const end = new AbortController();
  const watching = watchTimeToLoss({ ...watched, notices, clock: systemClock }, end.signal);
  parts.ground.shutdown.add('settle', 'time to loss', async () => {
    end.abort();
    await watching;
  });
}
