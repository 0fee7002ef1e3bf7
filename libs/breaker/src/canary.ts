import type { Told } from '#libs/delivery/src/index.js';
import type { BreakerStore } from './breaker-store.port.js';
import type { SharedBreaker } from './shared-breaker.js';

export type CanaryParts = Readonly<{
  shared: SharedBreaker;
  destination: string;
  store: Pick<BreakerStore, 'lease' | 'release'>;
  clock: Readonly<{ nowMs(): number }>;
  me: string;
  attemptMaxMs: number;
  /** It may be used now, or is gone. */
  changed(): void;
}>;

/** Renewed on every round while it is mine; after a crash another replica may probe so much later. */
export const leaseMs = 5_000;
/** A lease that nobody here uses is given back: who has a delivery to try may be another replica. */
const unusedMaxMs = 2_000;
/** After another had the lease, or the store was away. */
const askAgainMs = 200;

/** The right to send the one probe, from its lease to the probe's outcome. The outcome is written under the lease's number or not at all. */
export class Canary {
  private mine: { readonly token: number; readonly sinceMs: number; usedMs: number | null } | null = null;
  private claiming: Promise<boolean> | null = null;
  private notBeforeMs = 0;
  private isStopped = false;

  constructor(private readonly parts: CanaryParts) {}

  /** Not after the state has gone on without it: an operator's word, or a store that forgot. */
  get isMine(): boolean {
    const { phase } = this.parts.shared.state;
    if (this.mine && !(phase.kind === 'half-open' && phase.token === this.mine.token)) this.mine = null;
    return this.mine !== null;
  }

  /** One goes in now. The gate lets in one at a time: another one only when the one before turned out not to be sent. */
  use(): boolean {
    if (!this.isMine) return false;
    this.mine!.usedMs = this.parts.clock.nowMs();
    return true;
  }

  /** True: it is mine, and stands in the store as mine. */
  claim(): Promise<boolean> {
    if (this.isMine || this.isStopped || this.parts.clock.nowMs() < this.notBeforeMs) return Promise.resolve(this.isMine);
    this.claiming ??= this.obtain()
      .catch(() => this.later())
      .finally(() => (this.claiming = null));
    return this.claiming;
  }

  /** An outcome while it is open: the canary's, or a late one of a request from before. */
  told(told: Told, failed: boolean, cause: string): void {
    const { mine } = this;
    if (mine === null || mine.usedMs === null) return;
    if (told.tookMs !== null && told.nowMs - told.tookMs < mine.sinceMs) return;
    // Whatever answers is there again. Where nothing was sent, another delivery has to tell.
    if (failed || told.status !== null) this.ended(!failed, cause);
  }

  ended(ok: boolean, cause: string): void {
    const { mine } = this;
    if (mine === null) return;
    this.mine = null;
    this.parts.shared.apply({ kind: 'probe-ended', atMs: this.parts.clock.nowMs(), token: mine.token, ok, cause });
    void this.reported(mine.token);
  }

  /** Renews it; gives it back when nobody used it, or when its delivery never came to an outcome. */
  async keep(): Promise<void> {
    const { mine, parts } = this;
    if (mine === null) return;
    const nowMs = parts.clock.nowMs();
    const isOver = mine.usedMs === null ? nowMs - mine.sinceMs > unusedMaxMs : nowMs - mine.usedMs > parts.attemptMaxMs;
    if (isOver) return this.lapse(mine.token);
    const token = await parts.store.lease(parts.destination, parts.me, leaseMs);
    if (token !== mine.token && this.mine === mine) this.lost();
  }

  stop(): void {
    this.isStopped = true;
    if (this.mine) void this.lapse(this.mine.token);
  }

  private async obtain(): Promise<boolean> {
    const { shared, store, destination, me, clock } = this.parts;
    const token = await store.lease(destination, me, leaseMs);
    if (token === null) return this.later();
    shared.apply({ kind: 'probe-begun', atMs: clock.nowMs(), token, by: me });
    await shared.report();
    const { phase } = shared.state;
    if (phase.kind !== 'half-open' || phase.token !== token || !shared.isReported || this.isStopped) {
      await store.release(destination, token);
      return this.later();
    }
    this.mine = { token, sinceMs: clock.nowMs(), usedMs: null };
    this.parts.changed();
    return true;
  }

  private later(): boolean {
    this.notBeforeMs = this.parts.clock.nowMs() + askAgainMs;
    return false;
  }

  private async lapse(token: number): Promise<void> {
    this.lost();
    this.later();
    this.parts.shared.apply({ kind: 'probe-lapsed', atMs: this.parts.clock.nowMs(), token });
    await this.reported(token);
  }

  private lost(): void {
    this.mine = null;
    this.parts.changed();
  }

  private async reported(token: number): Promise<void> {
    const { shared, store, destination } = this.parts;
    await shared.report();
    // Not answered: it is reported again under the same lease, which ends by itself.
    if (shared.isReported) await store.release(destination, token).catch(() => {});
  }
}
