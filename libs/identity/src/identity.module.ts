/** The technology behind the ports, for wiring files: Redis connections (every app takes its own from here) and the seen store on Redis. */
export {
  RedisConnection,
  redisScript,
  type RedisConnectionOptions,
  type RedisScript,
  type RedisSession,
  type RedisStatus,
} from './redis-connection.redis.js';
export { RedisSeenStore } from './seen-store.redis.js';
