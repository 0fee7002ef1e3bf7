/** The technology behind the ports, for wiring files: the marks on Redis. */
export { RedisAttemptMarksStore } from './attempt-marks.redis.js';
