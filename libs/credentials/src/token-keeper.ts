import type { Secret, SecretRef, SecretStore } from '#libs/config/src/index.js';
import type { Valve } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { ClosableValve } from './closable-valve.js';
import { wordsOf } from './concealing.js';
import { type Credential, type CredentialAnswer, type CredentialNews, type CredentialParts } from './credential.js';
import { decideRefresh, decideRejection, probeAfterMs, usableUntilMs, type RefreshPolicy, type RefreshStep } from './decide-refresh.js';
import { foldRejection, limitOf, noRejection, type Rejection } from './rejection.fold.js';
import type { Failing, Token } from './token.js';
import type { StandingRecord, TokenStore } from './token-store.port.js';
import { TokenRefresh, type RefreshParts } from './token-refresh.js';

export type KeeperParts = Readonly<{
  /** Of the credential, the same on every replica that is configured so. */
  id: string;
  store: TokenStore;
  refresh: Omit<RefreshParts, 'id' | 'store' | 'clock' | 'policy' | 'random'>;
  secrets: SecretStore;
  /** What the token is asked for with: a change of one is worth a try at once. */
  refs: readonly SecretRef[];
  clock: Pick<Clock, 'nowMs' | 'sleep'>;
  policy: RefreshPolicy;
  news: CredentialNews;
  random?: () => number;
}>;

/** Between two looks while another replica refreshes, and while the store does not answer. */
const pollMs = 100;
const storeAwayMs = 500;
/** How often a changed secret is looked for while something is wrong. */
const lookEveryMs = 1_000;
const closeMaxMs = 3_000;

const none: CredentialParts = { tid: '', headers: {}, query: null, words: [] };

/**
 * The access token of one destination in one replica. It looks at what all replicas share, decides (decide-refresh.ts), and either
 * rests, waits for whoever refreshes, or refreshes itself under a lease. Nothing waits for it but the valve, which is closed while
 * there is no token to work with.
 */
export class TokenKeeper implements Credential {
  readonly valve: Valve & { tell(): void };
  private readonly refresh: TokenRefresh;
  private readonly random: () => number;
  private readonly end = new AbortController();
  private wake = new AbortController();
  private running: Promise<void> | null = null;
  private token: Token | null = null;
  private usableUntilMs = 0;
  private made: CredentialParts = none;
  /** Where in the spread this replica renews the token it has. */
  private chance = 0.5;
  private failing: Failing | null = null;
  private rejectedTid: string | null = null;
  private isUnproven = false;
  private rejection: Rejection = noRejection;
  private tried: readonly Secret[] = [];
  private isTroubled = false;

  constructor(private readonly of: KeeperParts) {
    const { id, store, clock, policy, refresh } = of;
    this.random = of.random ?? Math.random;
    this.refresh = new TokenRefresh({ ...refresh, id, store, clock, policy, random: this.random });
    this.valve = new ClosableValve({
      limit: () => (this.isUsable() ? limitOf(this.rejection) : 0),
      why: () => this.why(),
      nowMs: () => clock.nowMs(),
      close: () => this.close(),
    });
  }

  /** Fetches the first token, and keeps it fresh until the valve is closed. */
  start(): void {
    this.running ??= this.run();
  }

  /** The last token, be it over: the valve is what keeps requests back, and the partner's 401 costs nothing. */
  parts(): CredentialParts {
    return this.made;
  }

  answered(tid: string, answer: CredentialAnswer, status: number | null): void {
    if (answer === 'nothing' || tid !== this.token?.tid || tid === this.rejectedTid) return;
    if (answer === 'accepted') {
      this.isUnproven = false;
      if (this.rejection.kind === 'probing') this.become(foldRejection(this.rejection, { kind: 'accepted' }));
      return;
    }
    const { rejectedTid, isUnproven } = this;
    const view = { status, tid, currentTid: this.token.tid, rejectedTid, isUnproven, isRenewable: true };
    const verdict = this.rejection.kind === 'held' ? 'ignore' : decideRejection(view);
    if (verdict === 'ignore') return;
    if (verdict === 'renew') this.rejectedTid = tid;
    else this.hold(status);
    this.valve.tell();
    this.wake.abort();
  }

  private hold(status: number | null): void {
    const { clock, policy, news } = this.of;
    const waitMs = (count: number): number => probeAfterMs(count, policy);
    this.rejection = foldRejection(this.rejection, { kind: 'rejected', atMs: clock.nowMs(), status, waitMs });
    if (this.rejection.kind === 'held') news.rejected({ status, count: this.rejection.count, untilMs: this.rejection.untilMs });
    this.isTroubled = true;
  }

  private isUsable(): boolean {
    return this.token !== null && this.token.tid !== this.rejectedTid && this.of.clock.nowMs() < this.usableUntilMs;
  }

  private async run(): Promise<void> {
    const { signal } = this.end;
    while (!signal.aborted) {
      this.wake = new AbortController();
      const restMs = await this.turn();
      this.valve.tell();
      if (!signal.aborted) await this.of.clock.sleep(Math.max(1, restMs), AbortSignal.any([signal, this.wake.signal]));
    }
  }

  /** One look at everything; answers for how long nothing is to be done. */
  private async turn(): Promise<number> {
    const { id, store } = this.of;
    this.lookAtRejection();
    const mine = this.decide(this.failing);
    if (mine.kind === 'rest') return this.restMs(mine);
    let standing: StandingRecord;
    try {
      standing = await store.read(id);
    } catch {
      return storeAwayMs; // Nothing can be claimed without it either.
    }
    this.adopt(standing.record.token);
    const step = this.decide(standing.record.failing);
    if (step.kind === 'rest') {
      this.fail(standing.record.failing, step);
      return this.restMs(step);
    }
    this.tried = this.secretsNow();
    const result = await this.refresh.take(standing);
    if (result.kind === 'busy') return pollMs * (1 + this.random());
    if (result.kind === 'away') return storeAwayMs;
    this.adopt(result.record.token);
    if (result.told) this.fail(result.record.failing, this.decide(result.record.failing));
    else this.failing = result.record.failing;
    if (result.record.failing === null) this.succeed();
    // Asked for once, whatever came of it: a token that is over when it comes is not asked for again at once.
    return this.failing === null && !this.isUsable() ? lookEveryMs : Math.max(pollMs, this.restMs(this.decide(this.failing)));
  }

  private decide(failing: Failing | null): RefreshStep {
    const { token, rejectedTid, chance } = this;
    const isChanged = this.tried.length > 0 && this.secretsNow().some((secret, n) => secret !== this.tried[n]);
    return decideRefresh({ nowMs: this.of.clock.nowMs(), token, failing, rejectedTid, isChanged, chance }, this.of.policy);
  }

  private restMs(step: RefreshStep): number {
    const nowMs = this.of.clock.nowMs();
    const untilMs = step.kind === 'rest' ? step.untilMs : nowMs;
    const heldMs = this.rejection.kind === 'held' ? this.rejection.untilMs - nowMs : Infinity;
    const isWrong = this.failing !== null || this.rejection.kind === 'held';
    return Math.min(untilMs - nowMs, heldMs, isWrong ? lookEveryMs : Infinity);
  }

  /** The time of a probe has come: the rejected token goes, and one delivery tries the next one. */
  private lookAtRejection(): void {
    const { clock } = this.of;
    const before = this.rejection;
    const isChanged = this.tried.length > 0 && this.secretsNow().some((secret, n) => secret !== this.tried[n]);
    const time = foldRejection(before, { kind: 'time', nowMs: clock.nowMs() });
    this.rejection = isChanged ? foldRejection(time, { kind: 'secret-changed' }) : time;
    if (this.rejection.kind === 'probing' && before.kind === 'held') this.rejectedTid = this.token?.tid ?? null;
  }

  /** Takes up another token that is good for longer, or instead of one that was rejected. */
  private adopt(token: Token | null): void {
    if (token === null || token.tid === this.token?.tid || token.tid === this.rejectedTid) return;
    const { policy, clock, news } = this.of;
    const isBetter = !this.isUsable() || token.expiresAtMs > this.token!.expiresAtMs;
    if (!isBetter || clock.nowMs() >= usableUntilMs(token, policy)) return;
    this.isUnproven = this.rejectedTid !== null && this.token?.tid === this.rejectedTid;
    this.token = token;
    this.usableUntilMs = usableUntilMs(token, policy);
    this.chance = this.random();
    const value = `Bearer ${token.accessToken}`;
    this.made = { tid: token.tid, headers: { authorization: value }, query: null, words: wordsOf([value, token.accessToken]) };
    if (this.failing !== null || this.isTroubled) this.succeed();
    news.refreshed({ expiresAtMs: token.expiresAtMs, scopes: token.scopes });
    this.valve.tell();
  }

  private fail(failing: Failing | null, step: RefreshStep): void {
    const before = this.failing;
    this.failing = failing;
    if (failing === null || (before?.last.atMs === failing.last.atMs && before.count === failing.count)) return;
    this.isTroubled = true;
    const { code, text } = failing.last;
    this.of.news.refreshFailed({ code, text, count: failing.count, retryAtMs: failing.retryAtMs, isHeld: !step.isUsable });
  }

  private succeed(): void {
    this.failing = null;
    if (this.rejection.kind === 'none' && this.isTroubled) this.recover();
  }

  private become(rejection: Rejection): void {
    this.rejection = rejection;
    if (rejection.kind === 'none') this.recover();
    this.valve.tell();
  }

  private recover(): void {
    this.isTroubled = false;
    this.of.news.recovered();
  }

  private secretsNow(): readonly Secret[] {
    return this.of.secrets.get(this.of.refs);
  }

  private why(): { sinceMs: number | null; untilMs: number | null; detail: string } {
    const { rejection, failing } = this;
    if (rejection.kind === 'held') {
      const status = rejection.status === null ? '' : ` with ${rejection.status}`;
      return { sinceMs: rejection.sinceMs, untilMs: rejection.untilMs, detail: `the partner rejects a fresh token${status}` };
    }
    if (failing) return { sinceMs: null, untilMs: failing.retryAtMs, detail: `no token: ${failing.last.code}: ${failing.last.text}` };
    return { sinceMs: null, untilMs: null, detail: 'a token is being fetched' };
  }

  private async close(): Promise<void> {
    this.end.abort();
    // A refresh under way may bring the only refresh token that works: it is waited for, within reason.
    const inTime = new AbortController();
    await Promise.race([this.running, this.of.clock.sleep(closeMaxMs, inTime.signal)]);
    inTime.abort();
    await this.refresh.close();
  }
}
