import { redisScript, type RedisConnection } from '#libs/identity/src/identity.module.js';
import type { BreakerState } from './breaker.fold.js';
import { memberForMs } from './breaker-store.memory.js';
import type { BreakerStore, Change, Polled, Standing, Swapped } from './breaker-store.port.js';

/** Written beside the state: another format is read as no state, and the breaker begins closed. */
const FORMAT = 1;

/**
 * BreakerStore on Redis (6.2 or later). All keys share one hash tag, since they are few and one poll asks for all of them.
 *
 *   <prefix>{breaker}:versions           hash: destination → version
 *   <prefix>{breaker}:members            sorted set: replica → when it last polled as a member (Redis's clock, ms)
 *   <prefix>{breaker}:of:<destination>   hash: version, state (JSON), token (the last lease's number)
 *   <prefix>{breaker}:lease:<destination>  `token|holder`, gone by itself when it is not renewed
 *
 * They have no TTL but the lease's. Lost: every breaker begins closed and trips anew.
 * Errors  StoreUnavailableError.
 */
export class RedisBreakerStore implements BreakerStore {
  constructor(
    private readonly redis: Pick<RedisConnection, 'session'>,
    private readonly keyPrefix = 'hf:',
  ) {}

  async poll(destinations: readonly string[], member: string | null): Promise<Polled> {
    const args = [member ?? '', memberForMs, ...destinations];
    const [members, versions] = (await this.ask('poll', POLL, [this.key('versions'), this.key('members')], args)) as [string[], string[]];
    return { versions, members };
  }

  async read(destination: string): Promise<Standing> {
    return standingOf(await this.ask('read', READ, this.own(destination), []));
  }

  async swap(destination: string, { version, next, state, lease }: Change): Promise<Swapped> {
    const keys = [...this.own(destination), this.key('versions')];
    const text = JSON.stringify({ format: FORMAT, ...state });
    const [why, ...standing] = (await this.ask('swap', SWAP, keys, [destination, version, next, text, lease ?? ''])) as string[];
    return why === '' ? { kind: 'swapped' } : { kind: 'refused', why: why as 'version' | 'lease', standing: standingOf(standing) };
  }

  async lease(destination: string, holder: string, forMs: number): Promise<number | null> {
    const token = Number(await this.ask('lease', LEASE, this.own(destination), [holder, forMs]));
    return token > 0 ? token : null;
  }

  async release(destination: string, token: number): Promise<void> {
    await this.ask('release', RELEASE, this.own(destination), [token]);
  }

  private own(destination: string): string[] {
    return [this.key(`of:${destination}`), this.key(`lease:${destination}`)];
  }

  private key(name: string): string {
    return `${this.keyPrefix}{breaker}:${name}`;
  }

  private async ask(name: string, script: ReturnType<typeof redisScript>, keys: string[], args: (string | number)[]): Promise<unknown> {
    return this.redis.session().script(`breaker ${name}`, script, keys, args);
  }
}

function standingOf(answer: unknown): Standing {
  const [version, text, token] = answer as [string, string, string];
  const lease = token === '' ? null : Number(token);
  if (text === '') return { version, state: null, lease };
  const { format, ...state } = JSON.parse(text) as BreakerState & { format: number };
  return { version, state: format === FORMAT ? state : null, lease };
}

/** KEYS 1 versions · 2 members. ARGV 1 member, '' for none · 2 ms a member counts · 3… destinations → {members}, {versions} */
const POLL = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] ~= '' then redis.call('ZADD', KEYS[2], now, ARGV[1]) end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[2])
local versions = {}
for n = 3, #ARGV do versions[n - 2] = redis.call('HGET', KEYS[1], ARGV[n]) or '' end
local members = redis.call('ZRANGE', KEYS[2], 0, -1)
table.sort(members)
return {members, versions}
`);

/** Answers version, state and the lease's number, each '' where there is none. */
const STANDING = `
local function standing()
  local lease = redis.call('GET', KEYS[2])
  return redis.call('HGET', KEYS[1], 'version') or '', redis.call('HGET', KEYS[1], 'state') or '',
    lease and string.match(lease, '^%d+') or ''
end
`;

/** KEYS 1 of · 2 lease → {version, state, lease's number} */
const READ = redisScript(`${STANDING}
return {standing()}
`);

/**
 * KEYS 1 of · 2 lease · 3 versions. ARGV 1 destination · 2 the version it stands as · 3 the next · 4 state · 5 lease's number or ''
 * → {''}, or {'version' | 'lease', version, state, lease's number}
 */
const SWAP = redisScript(`${STANDING}
local version, state, lease = standing()
if version ~= ARGV[2] then return {'version', version, state, lease} end
if ARGV[5] ~= '' and lease ~= ARGV[5] then return {'lease', version, state, lease} end
redis.call('HSET', KEYS[1], 'version', ARGV[3], 'state', ARGV[4])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
return {''}
`);

/** KEYS 1 of · 2 lease. ARGV 1 holder · 2 for how many ms → its number, 0: another holds it */
const LEASE = redisScript(`
local held = redis.call('GET', KEYS[2])
local token
if held then
  local number, holder = string.match(held, '^(%d+)|(.*)$')
  if holder ~= ARGV[1] then return 0 end
  token = number
else
  token = redis.call('HINCRBY', KEYS[1], 'token', 1)
end
redis.call('SET', KEYS[2], token .. '|' .. ARGV[1], 'PX', ARGV[2])
return tonumber(token)
`);

/** KEYS 1 of · 2 lease. ARGV 1 its number → 1: given back, 0: it was not mine any more */
const RELEASE = redisScript(`
local held = redis.call('GET', KEYS[2])
if not held or string.match(held, '^%d+') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[2])
`);
