import { createHash } from 'node:crypto';

// The marks' scripts. What their keys hold stands in attempt-marks.redis.ts.
export type Script = Readonly<{ source: string; sha: string }>;
const scriptOf = (source: string): Script => ({ source, sha: createHash('sha1').update(source).digest('hex') });

/** ARGV 1 a new token → the token that stands. KEYS of every script: owner, token, marks. */
export const IDENTITY = scriptOf(`
redis.call('SET', KEYS[2], ARGV[1], 'NX')
return redis.call('GET', KEYS[2])
`);

/** Offsets are written with %.0f, since tostring() rounds beyond 10^14. */
const SHARED = `
local function text(number) return string.format('%.0f', number) end
local function parse(value)
  if not value then return 0, '', '', '', '' end
  local starts, done, claim, since, tail = string.match(value, '^(%d+)|(%a?)|([^|]*)|(%d*)(.*)$')
  return tonumber(starts), done, claim, since, tail
end
local function pack(starts, done, claim, since, tail)
  return text(starts) .. '|' .. done .. '|' .. claim .. '|' .. since .. tail
end
local function split(tail)
  local forgot, parts, note = string.match(tail, '^|(f?)|(%d+):(.*)$')
  return forgot or '', tonumber(parts or 0), note or ''
end
local function join(forgot, parts, note) return '|' .. forgot .. '|' .. text(parts) .. ':' .. note end
local function refusal()
  if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'other-identity' end
  local owner, mine = tonumber(redis.call('GET', KEYS[1]) or -1), tonumber(ARGV[2])
  if owner == mine then return nil end
  return owner > mine and 'later-owner' or 'owner-missing'
end
`;

/**
 * ARGV 1 token · 2 number · 3 committed offset · 4 settled beyond it · 5 doubts; both as `from-to,…`, half open
 * → 'registered', 'later-owner', 'other-identity'
 */
export const REGISTER = scriptOf(`${SHARED}
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'other-identity' end
if tonumber(redis.call('GET', KEYS[1]) or -1) > tonumber(ARGV[2]) then return 'later-owner' end
redis.call('SET', KEYS[1], ARGV[2])
local low = tonumber(ARGV[3])
for _, field in ipairs(redis.call('HKEYS', KEYS[3])) do
  if tonumber(field) < low then redis.call('HDEL', KEYS[3], field) end
end
for from, to in string.gmatch(ARGV[4], '(%d+)-(%d+)') do
  for at = tonumber(from), tonumber(to) - 1 do redis.call('HDEL', KEYS[3], text(at)) end
end
for from, to in string.gmatch(ARGV[5], '(%d+)-(%d+)') do
  for at = tonumber(from), tonumber(to) - 1 do
    local _, done, _, since, tail = parse(redis.call('HGET', KEYS[3], text(at)))
    local _, parts, note = split(tail)
    redis.call('HSET', KEYS[3], text(at), pack(2, done, '', since, join('f', parts, note)))
  end
end
return 'registered'
`);

/**
 * ARGV 1 token · 2 number · then four a claim: offset, again (0, 1), claim id, ms since the epoch
 * → a refusal, or comma-separated: g<starts> granted · s<starts>:<since or nothing> started · d<o|p|m><starts> done,
 *   each with `|f|parts:note` behind it where that stands
 */
export const CLAIM = scriptOf(`${SHARED}
local no = refusal()
if no then return no end
if #ARGV < 6 then return '' end
local fields = {}
for i = 3, #ARGV, 4 do fields[#fields + 1] = ARGV[i] end
local values, answers, writes = redis.call('HMGET', KEYS[3], unpack(fields)), {}, {}
for n = 1, #fields do
  local at = n * 4 - 1
  local starts, done, claim, since, tail = parse(values[n])
  if done ~= '' then
    answers[n] = 'd' .. done .. text(starts) .. tail
  elseif claim == ARGV[at + 2] then
    answers[n] = 'g' .. text(starts) .. tail
  elseif starts > 0 and ARGV[at + 1] == '0' then
    answers[n] = 's' .. text(starts) .. ':' .. since .. tail
  else
    if starts == 0 then since = ARGV[at + 3] end
    writes[#writes + 1] = fields[n]
    writes[#writes + 1] = pack(starts + 1, '', ARGV[at + 2], since, tail)
    answers[n] = 'g' .. text(starts + 1) .. tail
  end
end
if #writes > 0 then redis.call('HSET', KEYS[3], unpack(writes)) end
return table.concat(answers, ',')
`);

/** ARGV three an end: offset, o|p|m, a note or nothing. Of two ends the weaker promise stays. → 'ended' */
export const END = scriptOf(`${SHARED}
local strength = { [''] = 0, o = 1, p = 2, m = 3 }
local fields, seen, writes = {}, {}, {}
for i = 1, #ARGV, 3 do fields[#fields + 1] = ARGV[i] end
local values = redis.call('HMGET', KEYS[3], unpack(fields))
for n = 1, #fields do
  local at, how, note = fields[n], ARGV[n * 3 - 1], ARGV[n * 3]
  local starts, done, claim, since, tail = parse(seen[at] or values[n])
  if strength[how] > strength[done] then done = how end
  if note ~= '' then
    local forgot, parts = split(tail)
    tail = join(forgot, parts, note)
  end
  seen[at] = pack(starts, done, claim, since, tail)
  writes[#writes + 1] = at
  writes[#writes + 1] = seen[at]
end
redis.call('HSET', KEYS[3], unpack(writes))
return 'ended'
`);

/**
 * ARGV 1 token · 2 number · then four a step: offset, claim id, parts, note. My start becomes a note of what has ended; one of
 * fewer parts, one of what is done, and one under a start that is no more mine are dropped. → a refusal, or 'noted'
 */
export const PROGRESS = scriptOf(`${SHARED}
local no = refusal()
if no then return no end
for i = 3, #ARGV, 4 do
  local starts, done, claim, since, tail = parse(redis.call('HGET', KEYS[3], ARGV[i]))
  local forgot, parts = split(tail)
  if done == '' and tonumber(ARGV[i + 2]) >= parts and (claim == ARGV[i + 1] or claim == '') then
    if forgot == '' then starts = 0 end
    redis.call('HSET', KEYS[3], ARGV[i], pack(starts, '', '', since, join(forgot, tonumber(ARGV[i + 2]), ARGV[i + 3])))
  end
end
return 'noted'
`);

/** ARGV 1 token · 2 number · then two a claim: offset, claim id. → a refusal, or 'cleared' */
export const CLEAR = scriptOf(`${SHARED}
local no = refusal()
if no then return no end
for i = 3, #ARGV, 2 do
  local starts, done, claim, since, tail = parse(redis.call('HGET', KEYS[3], ARGV[i]))
  if claim == ARGV[i + 1] and claim ~= '' then
    if starts <= 1 and done == '' and tail == '' then redis.call('HDEL', KEYS[3], ARGV[i])
    else redis.call('HSET', KEYS[3], ARGV[i], pack(math.max(0, starts - 1), done, '', since, tail)) end
  end
end
return 'cleared'
`);

/** ARGV offsets. → how many were there */
export const FORGET = scriptOf(`
return redis.call('HDEL', KEYS[3], unpack(ARGV))
`);
