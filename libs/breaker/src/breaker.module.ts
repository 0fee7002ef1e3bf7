/** The technology behind the ports, for wiring files: the shared state on Redis. */
export { RedisBreakerStore } from './breaker-store.redis.js';
