import type { AuthConfig, Secret, SecretRef, SecretStore } from '#libs/config/src/index.js';
import type { Valve } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { ClosableValve } from './closable-valve.js';
import { wordsOf } from './concealing.js';
import { HEADER_VALUE, type Credential, type CredentialAnswer, type CredentialNews, type CredentialParts } from './credential.js';
import { decideRejection, probeAfterMs, type RefreshPolicy } from './decide-refresh.js';
import { foldRejection, limitOf, noRejection, type Rejection } from './rejection.fold.js';

export type StaticAuth = Exclude<AuthConfig, { kind: 'oauth2' }>;

/** How often a changed secret is looked for while the destination is held; otherwise each request looks. */
const lookEveryMs = 1_000;

/**
 * A credential that somebody writes into a file: API key, basic, bearer. Rejected by the partner, it holds the destination until the
 * secret is another one or one delivery, at growing intervals, finds it accepted.
 */
export class StaticCredential implements Credential {
  readonly valve: Valve & { tell(): void };
  private readonly end = new AbortController();
  private secret: Secret | null = null;
  private made: CredentialParts = nothing;
  private unusable: string | null = null;
  private number = 0;
  private rejection: Rejection = noRejection;
  private watching: Promise<void> | null = null;

  constructor(
    private readonly auth: StaticAuth,
    private readonly parties: Readonly<{
      secrets: SecretStore;
      clock: Pick<Clock, 'nowMs' | 'sleep'>;
      policy: RefreshPolicy;
      news: CredentialNews;
    }>,
  ) {
    const { clock } = parties;
    this.valve = new ClosableValve({
      limit: () => (this.unusable === null ? limitOf(this.rejection) : 0),
      why: () => ({
        sinceMs: this.rejection.kind === 'none' ? null : this.rejection.sinceMs,
        untilMs: this.unusable === null && this.rejection.kind === 'held' ? this.rejection.untilMs : null,
        detail: this.unusable ?? `the partner rejects these credentials${statusText(this.rejection)}; a changed secret is tried at once`,
      }),
      nowMs: () => clock.nowMs(),
      close: async () => {
        this.end.abort();
        await this.watching;
      },
    });
    this.look();
  }

  parts(): CredentialParts {
    this.look();
    return this.made;
  }

  answered(tid: string, answer: CredentialAnswer, status: number | null): void {
    if (answer === 'nothing' || tid !== this.made.tid) return;
    if (answer === 'accepted') {
      if (this.rejection.kind === 'probing') this.recover();
      return;
    }
    const view = { status, tid, currentTid: this.made.tid, rejectedTid: null, isUnproven: false, isRenewable: false };
    if (this.rejection.kind === 'held' || decideRejection(view) === 'ignore') return;
    const { clock, policy, news } = this.parties;
    const waitMs = (count: number): number => probeAfterMs(count, policy);
    this.rejection = foldRejection(this.rejection, { kind: 'rejected', atMs: clock.nowMs(), status, waitMs });
    if (this.rejection.kind === 'held') news.rejected({ status, count: this.rejection.count, untilMs: this.rejection.untilMs });
    this.valve.tell();
    this.watch();
  }

  private recover(): void {
    this.rejection = foldRejection(this.rejection, { kind: 'accepted' });
    this.parties.news.recovered();
    this.valve.tell();
  }

  /** Takes up a secret that has changed. */
  private look(): void {
    const secret = this.parties.secrets.get([refOf(this.auth)])[0]!;
    if (secret === this.secret) return;
    this.secret = secret;
    const wasUnusable = this.unusable !== null;
    const made = partsOf(this.auth, secret.reveal().toString('utf8'), `s${++this.number}`);
    this.unusable = typeof made === 'string' ? made : null;
    if (typeof made !== 'string') this.made = made;
    this.rejection = foldRejection(this.rejection, { kind: 'secret-changed' });
    if (this.unusable !== null) {
      this.parties.news.unusable(this.unusable);
      this.watch();
    } else if (wasUnusable) this.parties.news.recovered();
    this.valve.tell();
  }

  /** One timer, and only while something is wrong. */
  private watch(): void {
    this.watching ??= (async () => {
      const { clock } = this.parties;
      while (!this.end.signal.aborted && (this.unusable !== null || this.rejection.kind === 'held')) {
        const restMs = this.rejection.kind === 'held' ? this.rejection.untilMs - clock.nowMs() : lookEveryMs;
        await clock.sleep(Math.max(1, Math.min(lookEveryMs, restMs)), this.end.signal);
        if (this.end.signal.aborted) break;
        this.look();
        const before = this.rejection;
        this.rejection = foldRejection(before, { kind: 'time', nowMs: clock.nowMs() });
        if (this.rejection !== before) this.valve.tell();
      }
      this.watching = null;
    })();
  }
}

const nothing: CredentialParts = { tid: '', headers: {}, query: null, words: [] };

const statusText = (rejection: Rejection): string =>
  rejection.kind === 'none' || rejection.status === null ? '' : ` with ${rejection.status}`;

export function refOf(auth: StaticAuth): SecretRef {
  switch (auth.kind) {
    case 'bearer':
      return auth.token;
    case 'basic':
      return auth.password;
    case 'header':
    case 'query':
      return auth.value;
  }
}

/** A text says why the secret cannot be used; it does not show it. */
function partsOf(auth: StaticAuth, secret: string, tid: string): CredentialParts | string {
  const header = (name: string, value: string, more: readonly string[] = []): CredentialParts | string =>
    HEADER_VALUE.test(value)
      ? { tid, headers: { [name]: value }, query: null, words: wordsOf([value, secret, ...more]) }
      : 'the secret holds what no header may hold, such as a line break: write it anew, without one';
  switch (auth.kind) {
    case 'bearer':
      return header('authorization', `Bearer ${secret}`);
    case 'basic': {
      const encoded = Buffer.from(`${auth.username}:${secret}`).toString('base64');
      return header('authorization', `Basic ${encoded}`, [encoded]);
    }
    case 'header':
      return header(auth.name.toLowerCase(), secret);
    case 'query':
      return { tid, headers: {}, query: `${encodeURIComponent(auth.name)}=${encodeURIComponent(secret)}`, words: wordsOf([secret]) };
  }
}
