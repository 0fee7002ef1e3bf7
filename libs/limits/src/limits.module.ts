/** The technology behind the ports, for wiring files: what replicas share in Redis. */
export { RedisRateStore } from './rate-store.redis.js';
