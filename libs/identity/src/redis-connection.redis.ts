import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { StoreUnavailableError, type StoreUnavailableCode } from './store-unavailable.js';

/** `why` says what is missing and how to mend it; null when ready. `identity` is the server's run id. */
export type RedisStatus = Readonly<{ ready: boolean; why: string | null; identity: string | null; evictedKeys: number }>;

export type RedisConnectionOptions = Readonly<{
  /** `redis://` or `rediss://`, with user, password and database as usual. */
  url: string;
  /** As it stands in CLIENT LIST: the app. */
  name: string;
  commandTimeoutMs?: number;
  connectTimeoutMs?: number;
  reconnectMaxMs?: number;
  /** How often policy and evictions are looked at again. */
  watchMs?: number;
  /** Called on every change of readiness; for a log line. */
  onStatus?: (status: RedisStatus) => void;
}>;

/** A Lua script with its digest: sent by EVALSHA, and in full only when the server does not know it. */
export type RedisScript = Readonly<{ source: string; sha: string }>;
export const redisScript = (source: string): RedisScript => ({ source, sha: createHash('sha1').update(source).digest('hex') });

/**
 * One physical connection to one Redis process. What is asked of a session runs on that very connection or not at all, so its
 * identity is the identity of whoever answered (PROTOCOL rule 13).
 */
export interface RedisSession {
  readonly identity: string;
  /** Evictions this server has reported, '' for none. Evicted keys are lost keys. */
  readonly evictions: string;
  /** One round trip; errors are StoreUnavailableError. `operation` names it in the message. */
  run<T>(operation: string, send: (client: Redis) => Promise<T>): Promise<T>;
  script(operation: string, script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
}

/**
 * The one way into Redis, for every app. No offline queue and no automatic resend: a command whose answer is lost is the caller's
 * to judge. A bounded command timeout; reconnects for ever with a bounded backoff. Commands are taken only after the connection
 * was checked: `maxmemory-policy` must be `noeviction`, else not ready.
 *
 * | state    | entered by            | left by                                                    |
 * | -------- | --------------------- | ---------------------------------------------------------- |
 * | away     | open, connection lost | connected → checking                                       |
 * | checking | connected             | INFO read: policy fine → ready, else refused               |
 * | ready    | checked               | lost, or an answer missed → away; policy changed → refused |
 * | refused  | policy may evict      | looked at again every `watchMs` → ready; lost → away       |
 */
export class RedisConnection {
  private readonly client: Redis;
  private readonly watch: NodeJS.Timeout;
  private readonly where: string;
  private active: RedisSession | null = null;
  private closed = false;
  private last: RedisStatus = { ready: false, why: 'redis: not connected yet', identity: null, evictedKeys: 0 };

  private constructor(private readonly options: RedisConnectionOptions) {
    const { hostname, port } = new URL(options.url);
    this.where = `redis ${hostname}:${port || 6379}`;
    this.client = new Redis(options.url, {
      connectionName: options.name,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0, // What was under way when the connection went is rejected at once.
      commandTimeout: options.commandTimeoutMs ?? 5_000,
      connectTimeout: options.connectTimeoutMs ?? 5_000,
      retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt - 1, 10), options.reconnectMaxMs ?? 2_000),
    });
    let lastError = '';
    this.client.on('error', (error: Error) => (lastError = error.message));
    this.client.on('ready', () => void this.check());
    this.client.on('close', () => this.lost(lastError));
    this.watch = setInterval(() => void this.check(), options.watchMs ?? 5_000).unref();
  }

  /** Connects in the background; `status` and `whenReady` tell when it may be used. */
  static open(options: RedisConnectionOptions): RedisConnection {
    return new RedisConnection(options);
  }

  /** The current connection. Errors: StoreUnavailableError `not-connected` or `refused`. */
  session(): RedisSession {
    if (this.active) return this.active;
    throw new StoreUnavailableError(this.last.identity ? 'refused' : 'not-connected', this.last.why ?? `${this.where}: not ready`);
  }

  /** Run id of the server behind the current connection, read once per connection. Errors as `session`. */
  identity(): string {
    return this.session().identity;
  }

  status(): RedisStatus {
    return this.last;
  }

  /** Resolves when it may be used. Errors: StoreUnavailableError after `withinMs`, with what is missing. */
  async whenReady(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!this.active) {
      if (performance.now() > deadline) this.session();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends the connection; what is under way is rejected. */
  async close(): Promise<void> {
    clearInterval(this.watch);
    this.closed = true; // An orderly end is no news.
    this.active = null;
    this.last = { ...this.last, ready: false, why: `${this.where}: closed` };
    this.client.disconnect();
  }

  private async check(): Promise<void> {
    if (this.client.status !== 'ready') return;
    try {
      const info = parseInfo(await this.client.info());
      if (this.client.status === 'ready') this.judge(info);
    } catch (error) {
      this.drop(`INFO failed: ${message(error)}`);
    }
  }

  /** A connection that missed an answer may be half open and would miss every other one: the next is a new one. */
  private drop(why: string): void {
    if (this.client.status !== 'ready') return;
    this.become({ ...this.last, ready: false, why: `${this.where}: ${why}` });
    this.client.disconnect(true);
  }

  private judge(info: ReadonlyMap<string, string>): void {
    const identity = info.get('run_id') ?? null;
    const policy = info.get('maxmemory_policy');
    const evictedKeys = Number(info.get('evicted_keys') ?? 0);
    const why = !identity
      ? `${this.where}: INFO shows no run_id, so a restart could not be told; use a server that shows it`
      : policy !== 'noeviction'
        ? `${this.where}: maxmemory-policy is ${policy}, which forgets keys silently; set it with CONFIG SET maxmemory-policy noeviction (and in its configuration)`
        : null;
    this.become({ ready: why === null, why, identity, evictedKeys });
  }

  private lost(lastError: string): void {
    this.become({
      ready: false,
      why: `${this.where}: not connected${lastError ? ` (${lastError})` : ''}`,
      identity: null,
      evictedKeys: this.last.evictedKeys,
    });
  }

  private become(status: RedisStatus): void {
    if (this.closed) return;
    const before = this.last;
    this.last = status;
    if (!status.ready) this.active = null;
    else if (!this.active || before.identity !== status.identity || before.evictedKeys !== status.evictedKeys)
      this.active = this.open(status);
    if (before.ready !== status.ready || before.why !== status.why || before.evictedKeys !== status.evictedKeys)
      this.options.onStatus?.(status);
  }

  /** What is asked in one turn, by whichever partition, goes out in one write. */
  private gather(): void {
    const { stream } = this.client;
    if (stream.writableCorked > 0) return;
    stream.cork();
    process.nextTick(() => stream.uncork());
  }

  private open({ identity, evictedKeys }: RedisStatus): RedisSession {
    const session: RedisSession = {
      identity: identity!,
      evictions: evictedKeys > 0 ? `${identity}:${evictedKeys}` : '',
      run: async (operation, send) => {
        // Commands are written at once to the current connection, so this check and the write cannot part.
        if (this.active !== session)
          throw new StoreUnavailableError('reconnected', `${operation}: ${this.last.why ?? `${this.where} was connected anew`}`);
        try {
          this.gather();
          return await send(this.client);
        } catch (error) {
          const code = codeOf(error, this.active === session);
          if (code === 'timeout') this.drop(`no answer to ${operation} within the bound`);
          throw new StoreUnavailableError(code, `${operation}: ${this.where}: ${message(error)}`, error);
        }
      },
      script: (operation, script, keys, args) => {
        const rest = [...keys, ...args];
        return session.run(operation, async (client) => {
          try {
            return await client.evalsha(script.sha, keys.length, ...rest);
          } catch (error) {
            if (!message(error).startsWith('NOSCRIPT') || this.active !== session) throw error;
            return client.eval(script.source, keys.length, ...rest);
          }
        });
      },
    };
    return session;
  }
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function codeOf(error: unknown, stillThere: boolean): StoreUnavailableCode {
  if (!stillThere) return 'reconnected';
  return message(error) === 'Command timed out' ? 'timeout' : 'failed';
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}
