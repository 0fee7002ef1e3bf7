import { redisScript, type RedisConnection } from '#libs/identity/src/identity.module.js';
import type { NoticeBook, NoticeState, UpdateTimes } from './notice-book.port.js';

/**
 * NoticeBook on Redis: one hash for each ticket, `<prefix>{notice:<key>}`, with `sent` (ms), `updates`, `until` (of a claim) and `step`.
 * Redis's clock counts. A ticket that was resolved leaves nothing.
 * Errors  StoreUnavailableError.
 */
export class RedisNoticeBook implements NoticeBook {
  constructor(
    private readonly redis: Pick<RedisConnection, 'session'>,
    private readonly keyPrefix = 'hf:',
  ) {}

  async claim(key: string, state: NoticeState, leaseMs: number, updates: UpdateTimes): Promise<'send' | 'nothing' | 'wait'> {
    const args = [state, leaseMs, updates.firstMs, updates.maxMs, updates.step ?? ''];
    const answer = await this.redis.session().script('notice claim', CLAIM, [this.key(key)], args);
    return answer as 'send' | 'nothing' | 'wait';
  }

  async sent(key: string, state: NoticeState, step = 0): Promise<void> {
    await this.redis.session().script('notice sent', SENT, [this.key(key)], [state, step]);
  }

  private key(key: string): string {
    return `${this.keyPrefix}{notice:${key}}`;
  }
}

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** KEYS 1 the ticket. ARGV 1 raised | resolved · 2 ms the claim holds · 3 first · 4 longest interval of updates · 5 step or '' → send | nothing | wait */
const CLAIM = redisScript(`${NOW}
local sent, updates, till, step = unpack(redis.call('HMGET', KEYS[1], 'sent', 'updates', 'until', 'step'))
if till and tonumber(till) > now then return 'wait' end
if ARGV[1] == 'resolved' and not sent then return 'nothing' end
if ARGV[1] == 'raised' and sent then
  local every = math.min(tonumber(ARGV[4]), tonumber(ARGV[3]) * 2 ^ tonumber(updates))
  if ARGV[5] ~= '' then
    if tonumber(ARGV[5]) <= tonumber(step or 0) then return 'nothing' end
    every = tonumber(ARGV[3])
  end
  if now < tonumber(sent) + every then return 'wait' end
end
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + ARGV[2]))
return 'send'
`);

/** KEYS 1 the ticket. ARGV 1 raised | resolved · 2 step → 1 */
const SENT = redisScript(`${NOW}
if ARGV[1] == 'resolved' then return redis.call('DEL', KEYS[1]) end
local before = redis.call('HMGET', KEYS[1], 'sent', 'updates')
local updates = before[1] and tonumber(before[2]) + 1 or 0
redis.call('HSET', KEYS[1], 'sent', string.format('%.0f', now), 'updates', updates, 'until', 0, 'step', ARGV[2])
return 1
`);
