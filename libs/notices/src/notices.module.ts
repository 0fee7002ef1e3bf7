export { openNotices, openTimeToLoss, type OpenNoticesParts } from './open-notices.module.js';
/** The technology behind the ports, for wiring files: the book on Redis, webhooks over HTTP. */
export { RedisNoticeBook } from './notice-book.redis.js';
export { webhookPost, type WebhookPost } from './webhook-post.undici.js';
