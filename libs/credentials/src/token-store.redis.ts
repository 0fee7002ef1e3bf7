import { createHash } from 'node:crypto';
import { noRecord } from './no-record.js';
import type { Token, TokenRecord } from './token.js';
import type { TokenSeal } from './token-seal.js';
import type { LeaseRequest, StandingRecord, TokenStore } from './token-store.port.js';

type Script = Readonly<{ source: string; sha: string }>;
const scriptOf = (source: string): Script => ({ source, sha: createHash('sha1').update(source).digest('hex') });

/** What is needed of a connection; libs/identity's RedisConnection fits as it is. Errors: StoreUnavailableError. */
export type TokenConnection = Readonly<{
  session(): Readonly<{
    script(operation: string, script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  }>;
}>;

/** How long what expired is still told by `holdfast credentials status`. */
const keptAfterMs = 7 * 86_400_000;

/** A record without its secrets, for who has no key: `holdfast credentials status`. */
export type TokenFacts = Readonly<{
  token: Omit<Token, 'accessToken'> | null;
  failing: TokenRecord['failing'];
  hasRefreshToken: boolean;
}>;

/**
 * TokenStore on Redis. Tokens lie there sealed; their times, scopes and failures in the clear.
 *
 *   <prefix>{credential:<id>}:record  hash: version, fence (the last lease), facts (JSON), access and refresh (sealed)
 *   <prefix>{credential:<id>}:lease   the lease under way, with its TTL
 *
 * When Redis forgets: the next replica fetches a token as if for the first time. A rotated refresh token is lost with it, and the
 * configured one must be given anew; so a record with one has no TTL, and Redis needs AOF.
 */
export class RedisTokenStore implements TokenStore {
  constructor(
    private readonly redis: TokenConnection,
    private readonly seal: TokenSeal,
    private readonly keyPrefix = 'hf:',
    private readonly nowMs: () => number = Date.now,
  ) {}

  async read(id: string): Promise<StandingRecord> {
    const [version, facts, access, refresh] = (await this.ask('read', READ, id, [])) as (string | null)[];
    if (version === null || version === undefined || !facts) return { version: null, record: noRecord };
    const { token, failing, seed } = JSON.parse(facts) as StoredFacts;
    const accessToken = access ? this.seal.open(`${id}/access`, access) : null;
    const value = refresh ? this.seal.open(`${id}/refresh`, refresh) : null;
    return {
      version,
      record: {
        token: token && accessToken !== null ? { ...token, accessToken } : null,
        failing,
        refreshToken: refresh && seed !== null ? { value, seed } : null,
      },
    };
  }

  async lease(id: string, { lease, version, leaseMs }: LeaseRequest): Promise<'leased' | 'busy' | 'changed'> {
    return (await this.ask('lease', LEASE, id, [lease, version ?? '', leaseMs])) as 'leased' | 'busy' | 'changed';
  }

  async save(id: string, lease: string, { token, failing, refreshToken }: TokenRecord): Promise<'saved' | 'fenced'> {
    const facts: StoredFacts = { token: token && withoutSecret(token), failing, seed: refreshToken?.seed ?? null };
    const ttlMs = refreshToken
      ? 0
      : Math.ceil(Math.max(token?.expiresAtMs ?? 0, failing?.retryAtMs ?? 0, this.nowMs()) - this.nowMs() + keptAfterMs);
    const access = token ? this.seal.seal(`${id}/access`, token.accessToken) : '';
    const refresh = refreshToken === null ? '' : refreshToken.value === null ? LEFT : this.seal.seal(`${id}/refresh`, refreshToken.value);
    return (await this.ask('save', SAVE, id, [lease, JSON.stringify(facts), access, refresh, ttlMs])) as 'saved' | 'fenced';
  }

  private ask(operation: string, script: Script, id: string, args: readonly (string | number)[]): Promise<unknown> {
    const tag = `${this.keyPrefix}{credential:${id}}`;
    return this.redis.session().script(`credential ${operation}`, script, [`${tag}:record`, `${tag}:lease`], args);
  }
}

/** The field stays as it is: sealed under a key that is not here, it is somebody else's to open. */
const LEFT = '=';

type StoredFacts = Readonly<{ token: Omit<Token, 'accessToken'> | null; failing: TokenRecord['failing']; seed: string | null }>;

const withoutSecret = ({ tid, issuedAtMs, expiresAtMs, scopes }: Token): Omit<Token, 'accessToken'> => ({
  tid,
  issuedAtMs,
  expiresAtMs,
  scopes,
});

/** What may be told of a credential. null: Redis knows nothing of it. Needs no key. */
export async function readTokenFacts(redis: TokenConnection, keyPrefix: string, id: string): Promise<TokenFacts | null> {
  const tag = `${keyPrefix}{credential:${id}}`;
  const keys = [`${tag}:record`, `${tag}:lease`];
  const [, facts, , refresh] = (await redis.session().script('credential read', READ, keys, [])) as (string | null)[];
  if (!facts) return null;
  const { token, failing } = JSON.parse(facts) as StoredFacts;
  return { token, failing, hasRefreshToken: Boolean(refresh) };
}

/** KEYS of every script: record, lease. → version, facts, access, refresh; nil where there is none. */
const READ = scriptOf(`
return redis.call('HMGET', KEYS[1], 'version', 'facts', 'access', 'refresh')
`);

/** ARGV 1 lease · 2 version decided on, '' for none · 3 ms → 'leased', 'busy', 'changed' */
const LEASE = scriptOf(`
if redis.call('EXISTS', KEYS[2]) == 1 then return 'busy' end
if (redis.call('HGET', KEYS[1], 'version') or '') ~= ARGV[2] then return 'changed' end
redis.call('HSET', KEYS[1], 'fence', ARGV[1])
if ARGV[2] == '' then redis.call('PEXPIRE', KEYS[1], 86400000) end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
return 'leased'
`);

/**
 * ARGV 1 lease, which becomes the version · 2 facts · 3 access · 4 refresh, '=' to leave it · 5 ms to keep it, 0 for ever → 'saved', 'fenced'
 * Without a fence Redis has forgotten everything: what the holder brings is then better than nothing.
 */
const SAVE = scriptOf(`
local fence = redis.call('HGET', KEYS[1], 'fence')
if fence and fence ~= ARGV[1] then return 'fenced' end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'fence', ARGV[1], 'facts', ARGV[2], 'access', ARGV[3])
if ARGV[4] ~= '=' then redis.call('HSET', KEYS[1], 'refresh', ARGV[4]) end
if ARGV[5] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 'saved'
`);
