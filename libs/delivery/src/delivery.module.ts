/** The technology behind the ports, for wiring files: the marks and the operators' pauses on Redis. */
export { RedisAttemptMarksStore } from './attempt-marks.redis.js';
export { RedisPauses } from './pauses.redis.js';
