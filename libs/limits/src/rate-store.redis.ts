import { redisScript, type RedisConnection } from '#libs/identity/src/identity.module.js';
import type { RateTerms } from './gcra.fold.js';
import type { RateStore, Reservation } from './rate-store.port.js';

/**
 * RateStore on Redis (5 or later, for TIME beside writes): one key a destination, one script call a lease.
 *
 *   <prefix>{rate:<destination>}   the TAT in µs of Redis' own clock; lapses when the bucket is full again
 *
 * Lost (FLUSHALL, a fail-over): the bucket counts as full, so the partner may see one burst more, once.
 */
export class RedisRateStore implements RateStore {
  constructor(
    private readonly redis: Pick<RedisConnection, 'session'>,
    private readonly keyPrefix = 'hf.',
  ) {}

  async reserve(destination: string, count: number, terms: RateTerms): Promise<Reservation> {
    const { intervalUs, toleranceUs, horizonUs } = terms;
    const args = [count, intervalUs, toleranceUs, horizonUs];
    const answer = await this.redis.session().script('reserve tokens', RESERVE, [`${this.keyPrefix}{rate:${destination}}`], args);
    const [granted, firstUs, waitUs, nowUs] = (answer as string[]).map(Number) as [number, number, number, number];
    return { granted, firstUs, waitUs, nowUs };
  }
}

/**
 * KEYS 1 the TAT. ARGV 1 tokens wanted · 2 interval · 3 tolerance · 4 horizon; in µs, with fractions.
 * → { granted, first, wait, now } as text, in µs. The same fold as gcra.fold.ts, which says why.
 */
const RESERVE = redisScript(`
local count, interval, tolerance, horizon = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local tat = tonumber(redis.call('GET', KEYS[1]) or 0)
local from = math.min(math.max(tat, now), now + tolerance + horizon + interval)
local first = from - tolerance - now
local granted = math.max(0, math.min(count, math.floor((horizon - first) / interval) + 1))
local wait = 0
if granted == 0 then wait = first - horizon
else
  local ends = from + granted * interval
  redis.call('SET', KEYS[1], string.format('%.3f', ends), 'PX', math.max(1, math.ceil((ends - now) / 1000)))
end
return { string.format('%.0f', granted), string.format('%.3f', first), string.format('%.3f', wait), string.format('%.0f', now) }
`);
