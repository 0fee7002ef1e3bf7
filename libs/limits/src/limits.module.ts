/** The technology behind the ports, for wiring files: what replicas share in Redis. */
export { RedisRateStore } from './rate-store.redis.js';
export { RedisHoldBoard } from './hold-board.redis.js';
export { cronCalendar } from './calendar.croner.js';
