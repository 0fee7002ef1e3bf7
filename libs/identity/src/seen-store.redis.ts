import { redisScript, type RedisConnection } from './redis-connection.redis.js';
import { claimsMax, firstVerdict, type ClaimAnswer, type ClaimBatch, type ClaimVerdict, type SeenStore } from './seen-store.port.js';
import { StoreUnavailableError } from './store-unavailable.js';

/**
 * SeenStore on Redis (6.2 or later): one script call a batch. All keys of one incarnation share a hash tag, so they lie on one shard
 * and what survives a loss is a prefix of what was written (rule 15).
 *
 *   <prefix>{e<partition>:<incarnation>}:mark       hash: next, lag, evictions; no TTL
 *   <prefix>{e<partition>:<incarnation>}:k:<key>    `offset:appendedMs[,offset:appendedMs…]`, the firsts, ascending
 *   <prefix>{e<partition>:<incarnation>}:r:<key>    `offset:revision[,…]`, the revisions in force, ascending
 */
export class RedisSeenStore implements SeenStore {
  constructor(
    private readonly redis: Pick<RedisConnection, 'session'>,
    private readonly keyPrefix = 'hf:',
  ) {}

  async claim(batch: ClaimBatch): Promise<ClaimAnswer> {
    if (batch.claims.length > claimsMax) throw new RangeError(`${batch.claims.length} claims in one call, more than ${claimsMax}`);
    const session = this.redis.session();
    const { keys, packed } = this.pack(batch);
    const args = [batch.from, batch.next, batch.floor, batch.settled, batch.lagMs, batch.slackMs, session.evictions, packed];
    const answer = (await session.script('claim', CLAIM, keys, args)) as [string, string];
    if (answer[0] === 'refused') return { kind: 'refused', reached: Number(answer[1]) };
    if (answer[0] !== 'judged') throw new StoreUnavailableError('failed', `claim: unknown answer ${String(answer[0]).slice(0, 40)}`);
    return { kind: 'judged', verdicts: batch.claims.length === 0 ? [] : answer[1].split(',').map(readVerdict) };
  }

  private pack({ partition, incarnation, claims }: ClaimBatch): { keys: string[]; packed: string } {
    const tag = `${this.keyPrefix}{e${partition}:${incarnation}}:`;
    const keys = [`${tag}mark`];
    const flat: (number | string)[] = [];
    const slots = new Map<string, number>();
    for (const claim of claims) keys.push(`${tag}k:${claim.key}`);
    for (const { offset, appendedMs, windowMs, ttlMs, pointer } of claims) {
      let slot = 0;
      if (pointer) {
        slot = slots.get(pointer.key) ?? keys.push(`${tag}r:${pointer.key}`);
        slots.set(pointer.key, slot);
      }
      flat.push(offset, appendedMs, windowMs, Math.max(1, Math.ceil(ttlMs)), slot, pointer?.revision ?? '');
    }
    return { keys, packed: JSON.stringify(flat) };
  }
}

function readVerdict(text: string): ClaimVerdict {
  if (text === 'f') return firstVerdict;
  const at = Number(text.slice(1));
  return text.startsWith('d') ? { kind: 'duplicate', of: at } : { kind: 'superseded', by: at };
}

/**
 * KEYS  1 the mark · 2…n+1 one per claim, in order · then one per entity that a claim points to
 * ARGV  1 from · 2 next · 3 floor · 4 settled · 5 lag ms · 6 slack ms · 7 evictions seen ('' none)
 *       8 JSON, flat, six a claim: offset, appended ms, window ms, ttl ms, number of the entity's key in KEYS (0 none), revision
 * Answer  {'refused', reached} nothing was touched, or the mark was found to be worthless and removed
 *         {'judged', 'f,d12,s7,…'} one a claim: first, duplicate of 12, superseded by 7
 *
 * Numbers are IEEE doubles, exact to 2^53, and written with %.0f since tostring() would round them. Lua's `<` on strings follows the
 * server's locale, so revisions are compared byte by byte. `SET NX` then `GET`: both in one command needs Redis 7.
 */
const CLAIM = redisScript(`
local function text(number) return string.format('%.0f', number) end
local function newer(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end
local function parse(value)
  local list = {}
  for at, rest in string.gmatch(value or '', '([^:,]+):([^,]*)') do list[#list + 1] = { tonumber(at), rest } end
  return list
end
-- The newest entry at or before a position, and where it stands.
local function before(list, position)
  for i = #list, 1, -1 do if list[i][1] <= position then return list[i], i end end
  return nil, 0
end
local function write(key, list, settled, ttl)
  local start = 1
  while list[start + 1] and list[start + 1][1] < settled do start = start + 1 end
  local parts = {}
  for i = start, #list do parts[#parts + 1] = text(list[i][1]) .. ':' .. list[i][2] end
  redis.call('SET', key, table.concat(parts, ','), 'PX', text(math.max(ttl, redis.call('PTTL', key))))
end

local from, after, floor, settled = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local lag, slack, evictions = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local state = redis.call('HMGET', KEYS[1], 'next', 'lag', 'evictions')
local reached, leastLag = tonumber(state[1] or 0), tonumber(state[2] or lag)
if state[1] and (lag > leastLag + slack or (evictions ~= '' and evictions ~= state[3])) then
  redis.call('DEL', KEYS[1])
  reached, leastLag = 0, lag
end
if math.max(reached, floor) < from then return { 'refused', text(reached) } end

local claims, answers, pointers, ttls = cjson.decode(ARGV[8]), {}, {}, {}
for n = 1, #claims / 6 do
  local at = n * 6 - 6
  local offset, appended, window, ttl, slot, revision = claims[at + 1], claims[at + 2], claims[at + 3], claims[at + 4], claims[at + 5], claims[at + 6]
  local key, answer = KEYS[n + 1], 'f'
  if not redis.call('SET', key, text(offset) .. ':' .. text(appended), 'NX', 'PX', text(ttl)) then
    local firsts = parse(redis.call('GET', key))
    local holder, place = before(firsts, offset)
    if holder and holder[1] == offset then
      if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, text(ttl)) end
    elseif holder and appended - tonumber(holder[2]) <= window then
      answer = 'd' .. text(holder[1])
    else
      table.insert(firsts, place + 1, { offset, text(appended) })
      write(key, firsts, settled, ttl)
    end
  end
  if answer == 'f' and slot > 0 then
    local list = pointers[slot] or parse(redis.call('GET', KEYS[slot]))
    pointers[slot] = list
    local newest, place = before(list, offset)
    if newest and newer(newest[2], revision) then
      answer = 's' .. text(newest[1])
    elseif not newest or newer(revision, newest[2]) then
      table.insert(list, place + 1, { offset, revision })
      ttls[slot] = math.max(ttl, ttls[slot] or 0)
    end
  end
  answers[n] = answer
end
for slot, ttl in pairs(ttls) do write(KEYS[slot], pointers[slot], settled, ttl) end
redis.call('HSET', KEYS[1], 'next', text(math.max(reached, after)), 'lag', text(math.min(leastLag, lag)))
if evictions ~= '' then redis.call('HSET', KEYS[1], 'evictions', evictions) end
return { 'judged', table.concat(answers, ',') }
`);
