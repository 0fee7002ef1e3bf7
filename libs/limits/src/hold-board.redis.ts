import { redisScript, type RedisConnection } from '#libs/identity/src/identity.module.js';
import type { HoldBoard } from './hold-board.port.js';

/**
 * HoldBoard on Redis: one hash for all destinations, so that a replica reads it with one call.
 *
 *   <prefix>{holds}   destination → until, in ms of Redis' own clock; lapses with the last of them
 *
 * Lost: each replica still keeps the holds it knows, and learns of the others' by the next 429.
 */
export class RedisHoldBoard implements HoldBoard {
  private readonly key: string;

  constructor(
    private readonly redis: Pick<RedisConnection, 'session'>,
    keyPrefix = 'hf.',
  ) {
    this.key = `${keyPrefix}{holds}`;
  }

  async hold(destination: string, forMs: number): Promise<void> {
    await this.redis.session().script('share a hold', HOLD, [this.key], [destination, Math.ceil(forMs)]);
  }

  async holds(): Promise<ReadonlyMap<string, number>> {
    const flat = (await this.redis.session().script('read holds', READ, [this.key], [])) as string[];
    const holds = new Map<string, number>();
    for (let i = 0; i < flat.length; i += 2) holds.set(flat[i]!, Number(flat[i + 1]));
    return holds;
  }
}

/** KEYS 1 the holds. ARGV 1 destination · 2 for how many ms. → until, in ms of Redis' clock */
const HOLD = redisScript(`
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local ends = math.max(now + tonumber(ARGV[2]), tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0))
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', ends))
local keep = math.ceil(ends - now)
if redis.call('PTTL', KEYS[1]) < keep then redis.call('PEXPIRE', KEYS[1], keep) end
return string.format('%.0f', ends)
`);

/** KEYS 1 the holds. → flat: destination, what is left in ms; those that are over are taken out. */
const READ = redisScript(`
local all, time, left = redis.call('HGETALL', KEYS[1]), redis.call('TIME'), {}
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
for i = 1, #all, 2 do
  local rest = tonumber(all[i + 1]) - now
  if rest > 0 then
    left[#left + 1] = all[i]
    left[#left + 1] = string.format('%.0f', rest)
  else redis.call('HDEL', KEYS[1], all[i]) end
end
return left
`);
