import { randomBytes } from 'node:crypto';
import type { Clock } from '#libs/kafka/src/index.js';
import { HEADER_VALUE } from './credential.js';
import { backoffMs, missingScopes, type RefreshPolicy } from './decide-refresh.js';
import type { Granted, NotGranted, TokenEndpoint } from './token-endpoint.port.js';
import type { TokenRecord } from './token.js';
import type { StandingRecord, TokenStore } from './token-store.port.js';

export type RefreshParts = Readonly<{
  id: string;
  store: TokenStore;
  endpoint: TokenEndpoint;
  scopes: readonly string[];
  /** The configured refresh token, and a name for it; null under client credentials. */
  seed: (() => Readonly<{ value: string; name: string }>) | null;
  timeoutMs: number;
  clock: Pick<Clock, 'nowMs' | 'sleep'>;
  policy: RefreshPolicy;
  random: () => number;
  /** Told of each refresh this replica made. */
  counted(result: 'refreshed' | 'failed'): void;
}>;

/** `told`: this replica asked the server, and the record is news. */
export type RefreshResult =
  Readonly<{ kind: 'busy' }> | Readonly<{ kind: 'away' }> | Readonly<{ kind: 'record'; record: TokenRecord; told: boolean }>;

/** A server that names no end: asked again after this long; until then a 401 says so earlier. */
const lifeDefaultMs = 3_600_000;
/** Beyond the request's own bound, for storing what came of it. */
const leaseSlackMs = 5_000;
const saveAgainMs = 200;

/**
 * One refresh under the lease that all replicas share: lease → ask → store → give the lease back.
 *
 * Crash   before the server answers: the lease ends by itself and the next replica asks. After it: a rotated refresh token is lost
 *         with the process. It is stored before anything else is done with the answer, and for as long as the store is away this
 *         process keeps trying; what is left is the time of one write.
 */
export class TokenRefresh {
  private readonly end = new AbortController();

  constructor(private readonly parts: RefreshParts) {}

  async take({ version, record }: StandingRecord): Promise<RefreshResult> {
    const { id, store, timeoutMs } = this.parts;
    const lease = randomBytes(12).toString('base64url');
    try {
      const answer = await store.lease(id, { lease, version, leaseMs: timeoutMs + leaseSlackMs });
      if (answer !== 'leased') return { kind: 'busy' };
    } catch {
      return { kind: 'away' };
    }
    const next = await this.ask(record);
    // Broken off by our own end: no news for others.
    if (next.failing !== null && this.end.signal.aborted) return { kind: 'away' };
    this.parts.counted(next.failing === null ? 'refreshed' : 'failed');
    const saved = await this.save(lease, next);
    // Another replica took over from a lease that ended: what it stored is what all use.
    return saved === 'fenced' ? { kind: 'busy' } : { kind: 'record', record: next, told: true };
  }

  async close(): Promise<void> {
    this.end.abort();
    await this.parts.endpoint.close();
  }

  private async ask(record: TokenRecord): Promise<TokenRecord> {
    const { endpoint, clock, scopes, seed } = this.parts;
    const line = seed?.() ?? null;
    const kept = line && record.refreshToken?.seed === line.name ? record.refreshToken : null;
    if (kept?.value === null) {
      const text = 'the refresh token in Redis is sealed under a key that is not in credentials.tokenKeys';
      return this.failed(record, { kind: 'failed', failure: 'secret-unusable', code: 'sealed', text, retryAfterMs: null });
    }
    const askedAtMs = clock.nowMs();
    const used = kept?.value ?? line?.value ?? null;
    const answer = await endpoint.ask(used);
    if (answer.kind === 'failed') return this.failed(record, answer);
    const refreshToken = line === null ? null : { value: answer.refreshToken ?? used, seed: line.name };
    const rotated = { ...record, refreshToken };
    const fault = faultOf(answer, scopes);
    if (fault) return this.failed(rotated, fault);
    const { accessToken, expiresInMs, scope } = answer;
    const token = {
      tid: randomBytes(9).toString('base64url'),
      accessToken,
      issuedAtMs: askedAtMs,
      expiresAtMs: askedAtMs + (expiresInMs ?? lifeDefaultMs),
      scopes: scope === null ? scopes : scope.split(' ').filter(Boolean),
    };
    return { token, failing: null, refreshToken };
  }

  private failed(record: TokenRecord, { failure, code, text, retryAfterMs }: NotGranted): TokenRecord {
    const { clock, policy, random } = this.parts;
    const atMs = clock.nowMs();
    const count = (record.failing?.count ?? 0) + 1;
    const waitMs = backoffMs({ count, kind: failure, retryAfterMs }, policy, random());
    return { ...record, failing: { count, retryAtMs: Math.round(atMs + waitMs), last: { kind: failure, code, text, atMs } } };
  }

  private async save(lease: string, record: TokenRecord): Promise<'saved' | 'fenced' | 'closed'> {
    const { id, store, clock } = this.parts;
    const { signal } = this.end;
    for (;;) {
      try {
        return await store.save(id, lease, record);
      } catch {
        if (signal.aborted) return 'closed';
        await clock.sleep(saveAgainMs, signal);
      }
    }
  }
}

function faultOf({ accessToken, scope, expiresInMs }: Granted, scopes: readonly string[]): NotGranted | null {
  const failed = (failure: NotGranted['failure'], code: string, text: string): NotGranted => ({
    kind: 'failed',
    failure,
    code,
    text,
    retryAfterMs: null,
  });
  const missing = missingScopes(scopes, scope);
  if (missing.length > 0) return failed('insufficient-scope', 'insufficient_scope', `the token lacks ${missing.join(', ')}`);
  if (!HEADER_VALUE.test(accessToken)) return failed('refused', 'bad-token', 'the token holds what no header may hold');
  return expiresInMs !== null && expiresInMs <= 0 ? failed('unavailable', 'expired', 'the token is over when it is given') : null;
}
