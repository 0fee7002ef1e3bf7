import { createHash, randomBytes } from 'node:crypto';
import { StoreUnavailableError } from '#libs/identity/src/index.js';
import {
  MarksUnavailableError,
  type AttemptEnd,
  type AttemptMarks,
  type AttemptMarksStore,
  type Claim,
  type ClaimAnswer,
  type ClaimRequest,
  type MarkedPartition,
  type OffsetRange,
  type Registration,
  type Standing,
} from './attempt-marks.port.js';
import type { DoneAs } from './outcome.js';

type Script = Readonly<{ source: string; sha: string }>;
const scriptOf = (source: string): Script => ({ source, sha: createHash('sha1').update(source).digest('hex') });

/** What is needed of a connection to one Redis process; libs/identity's RedisConnection fits as it is. Errors: StoreUnavailableError. */
export type MarksConnection = Readonly<{
  session(): Readonly<{
    /** The server's run id, read once per connection. */
    identity: string;
    script(operation: string, script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  }>;
}>;

/**
 * AttemptMarks on Redis (6.2 or later): one script call a batch. The keys of one partition share a hash tag, so they lie on one
 * shard and what survives a loss is a prefix of what was written.
 *
 *   <prefix>{d:<topic>/<partition>:<incarnation>}:owner   the owner's number
 *   <prefix>{d:<topic>/<partition>:<incarnation>}:token   random; with the run id it names this Redis's memory of the partition
 *   <prefix>{d:<topic>/<partition>:<incarnation>}:marks   hash: offset → `starts|done|claim id|since ms`; done is '', o, p or m
 *
 * Errors  MarksUnavailableError, with its cause.
 */
export class RedisAttemptMarksStore implements AttemptMarksStore {
  constructor(
    private readonly redis: MarksConnection,
    private readonly keyPrefix = 'hf:',
  ) {}

  of({ topic, partition, incarnation }: MarkedPartition): AttemptMarks {
    return new RedisAttemptMarks(this.redis, `${this.keyPrefix}{d:${topic}/${partition}:${incarnation}}`);
  }
}

const LETTERS: Readonly<Record<DoneAs, string>> = { once: 'o', proof: 'p', 'maybe-twice': 'm' };
const WORDS: Readonly<Record<string, DoneAs>> = { o: 'once', p: 'proof', m: 'maybe-twice' };
const forgetMax = 1_000;

class RedisAttemptMarks implements AttemptMarks {
  private readonly keys: readonly string[];

  constructor(
    private readonly redis: MarksConnection,
    tag: string,
  ) {
    this.keys = [`${tag}:owner`, `${tag}:token`, `${tag}:marks`];
  }

  async identity(): Promise<string> {
    return this.ask('identity', async (session) => {
      const token = await session.script('identity', IDENTITY, this.keys, [randomBytes(12).toString('base64url')]);
      return `${session.identity}:${String(token)}`;
    });
  }

  async register(registration: Registration): Promise<'registered' | 'later-owner' | 'other-identity'> {
    const { number, offset, settled, doubts } = registration;
    const answer = await this.under('register', registration, REGISTER, [number, offset, packed(runsOf(settled)), packed(doubts)]);
    return answer as 'registered' | 'later-owner' | 'other-identity';
  }

  async claim(standing: Standing, requests: readonly ClaimRequest[]): Promise<ClaimAnswer> {
    const flat = requests.flatMap(({ offset, again, claimId, atMs }) => [offset, again ? 1 : 0, claimId, Math.floor(atMs)]);
    const answer = await this.under('claim', standing, CLAIM, [standing.number, ...flat]);
    if (answer === 'other-identity' || answer === 'owner-missing' || answer === 'later-owner') return { kind: 'refused', why: answer };
    return { kind: 'claims', claims: answer === '' ? [] : answer.split(',').map(readClaim) };
  }

  async end(ends: readonly AttemptEnd[]): Promise<void> {
    const flat = ends.flatMap(({ offset, how }) => [offset, LETTERS[how]]);
    await this.ask('end', (session) => session.script('end', END, this.keys, flat));
  }

  async clear(standing: Standing, claims: readonly Readonly<{ offset: number; claimId: string }>[]): Promise<void> {
    const flat = claims.flatMap(({ offset, claimId }) => [offset, claimId]);
    await this.under('clear', standing, CLEAR, [standing.number, ...flat]);
  }

  async forget(offsets: readonly number[]): Promise<void> {
    for (let from = 0; from < offsets.length; from += forgetMax) {
      const some = offsets.slice(from, from + forgetMax);
      await this.ask('forget', (session) => session.script('forget', FORGET, this.keys, some));
    }
  }

  /** Run id by the connection, token by the script: both halves of the identity, or nothing is touched. */
  private async under(operation: string, standing: Standing, script: Script, args: readonly (string | number)[]): Promise<string> {
    const colon = standing.identity.indexOf(':');
    const [runId, token] = [standing.identity.slice(0, colon), standing.identity.slice(colon + 1)];
    return this.ask(operation, async (session) =>
      session.identity === runId ? String(await session.script(operation, script, this.keys, [token, ...args])) : 'other-identity',
    );
  }

  private async ask<T>(operation: string, call: (session: ReturnType<MarksConnection['session']>) => Promise<T>): Promise<T> {
    try {
      return await call(this.redis.session());
    } catch (error) {
      if (error instanceof StoreUnavailableError) throw new MarksUnavailableError(operation, error);
      throw error;
    }
  }
}

function readClaim(text: string): Claim {
  if (text.startsWith('g')) return { kind: 'granted', starts: Number(text.slice(1)) };
  if (text.startsWith('d')) return { kind: 'done', how: WORDS[text[1]!]!, starts: Number(text.slice(2)) };
  const [starts, since] = text.slice(1).split(':') as [string, string];
  return { kind: 'started', starts: Number(starts), sinceMs: since === '' ? null : Number(since) };
}

const packed = (ranges: readonly OffsetRange[]): string => ranges.map(({ from, to }) => `${from}-${to}`).join(',');

function runsOf(offsets: readonly number[]): OffsetRange[] {
  const runs: { from: number; to: number }[] = [];
  for (const offset of offsets) {
    const last = runs.at(-1);
    if (last?.to === offset) last.to++;
    else runs.push({ from: offset, to: offset + 1 });
  }
  return runs;
}

/** ARGV 1 a new token → the token that stands. KEYS of every script: owner, token, marks. */
const IDENTITY = scriptOf(`
redis.call('SET', KEYS[2], ARGV[1], 'NX')
return redis.call('GET', KEYS[2])
`);

/** Offsets are written with %.0f, since tostring() rounds beyond 10^14. */
const SHARED = `
local function text(number) return string.format('%.0f', number) end
local function parse(value)
  if not value then return 0, '', '', '' end
  local starts, done, claim, since = string.match(value, '^(%d+)|(%a?)|([^|]*)|(%d*)$')
  return tonumber(starts), done, claim, since
end
local function pack(starts, done, claim, since) return text(starts) .. '|' .. done .. '|' .. claim .. '|' .. since end
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
const REGISTER = scriptOf(`${SHARED}
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
    local _, done, _, since = parse(redis.call('HGET', KEYS[3], text(at)))
    redis.call('HSET', KEYS[3], text(at), pack(2, done, '', since))
  end
end
return 'registered'
`);

/**
 * ARGV 1 token · 2 number · then four a claim: offset, again (0, 1), claim id, ms since the epoch
 * → a refusal, or comma-separated: g<starts> granted · s<starts>:<since or nothing> started · d<o|p|m><starts> done
 */
const CLAIM = scriptOf(`${SHARED}
local no = refusal()
if no then return no end
if #ARGV < 6 then return '' end
local fields = {}
for i = 3, #ARGV, 4 do fields[#fields + 1] = ARGV[i] end
local values, answers, writes = redis.call('HMGET', KEYS[3], unpack(fields)), {}, {}
for n = 1, #fields do
  local at = n * 4 - 1
  local starts, done, claim, since = parse(values[n])
  if done ~= '' then
    answers[n] = 'd' .. done .. text(starts)
  elseif claim == ARGV[at + 2] then
    answers[n] = 'g' .. text(starts)
  elseif starts > 0 and ARGV[at + 1] == '0' then
    answers[n] = 's' .. text(starts) .. ':' .. since
  else
    if starts == 0 then since = ARGV[at + 3] end
    writes[#writes + 1] = fields[n]
    writes[#writes + 1] = pack(starts + 1, '', ARGV[at + 2], since)
    answers[n] = 'g' .. text(starts + 1)
  end
end
if #writes > 0 then redis.call('HSET', KEYS[3], unpack(writes)) end
return table.concat(answers, ',')
`);

/** ARGV two an end: offset, o|p|m. Of two ends the weaker promise stays. → 'ended' */
const END = scriptOf(`${SHARED}
local strength = { [''] = 0, o = 1, p = 2, m = 3 }
local fields, seen, writes = {}, {}, {}
for i = 1, #ARGV, 2 do fields[#fields + 1] = ARGV[i] end
local values = redis.call('HMGET', KEYS[3], unpack(fields))
for n = 1, #fields do
  local at, how = fields[n], ARGV[n * 2]
  local starts, done, claim, since = parse(seen[at] or values[n])
  if strength[how] > strength[done] then done = how end
  seen[at] = pack(starts, done, claim, since)
  writes[#writes + 1] = at
  writes[#writes + 1] = seen[at]
end
redis.call('HSET', KEYS[3], unpack(writes))
return 'ended'
`);

/** ARGV 1 token · 2 number · then two a claim: offset, claim id. → a refusal, or 'cleared' */
const CLEAR = scriptOf(`${SHARED}
local no = refusal()
if no then return no end
for i = 3, #ARGV, 2 do
  local starts, done, claim, since = parse(redis.call('HGET', KEYS[3], ARGV[i]))
  if claim == ARGV[i + 1] and claim ~= '' then
    if starts <= 1 and done == '' then redis.call('HDEL', KEYS[3], ARGV[i])
    else redis.call('HSET', KEYS[3], ARGV[i], pack(math.max(0, starts - 1), done, '', since)) end
  end
end
return 'cleared'
`);

/** ARGV offsets. → how many were there */
const FORGET = scriptOf(`
return redis.call('HDEL', KEYS[3], unpack(ARGV))
`);
