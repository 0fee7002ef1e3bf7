import type { Holding, HoldReason, Told, Valve } from '#libs/delivery/src/index.js';
import { freshFromMs, slotMs, type BreakerPolicy, type BreakerState } from './breaker.fold.js';
import type { BreakerStore } from './breaker-store.port.js';
import { Canary } from './canary.js';
import { decideShare } from './decide-share.js';
import { joined, oneFailure, successes } from './outcomes.fold.js';
import { SharedBreaker } from './shared-breaker.js';

/** Asks the partner's health URL. Never rejects. */
export type Probe = () => Promise<Readonly<{ ok: boolean; cause: string }>>;

export type BreakerValveParts = Readonly<{
  destination: string;
  policy: BreakerPolicy;
  /** Null: the oldest held delivery is the probe. */
  probe: Probe | null;
  /** How long a delivery may take from its admission to its outcome. */
  attemptMaxMs: number;
  store: BreakerStore;
  clock: Readonly<{ nowMs(): number }>;
  me: string;
  members(): readonly string[];
  changed(before: BreakerState, after: BreakerState): void;
}>;

/**
 * The breaker of one destination in this process. Healthy traffic costs two comparisons and a count: nothing is reported but
 * failures, and the first success after them.
 *
 * Until the store has told what stands, nothing goes in: a restart during an outage must not ask the partner as if nothing were.
 */
export class BreakerValve implements Valve {
  readonly destination: string;
  private readonly shared: SharedBreaker;
  private readonly canary: Canary;
  private readonly bornMs: number;
  /** Successes that were not reported, by parts of the window. */
  private quiet: { at: number; failures: 0; successes: number }[] = [];
  private isKnown = false;
  private lastLimit = 0;
  private listener: () => void = () => {};

  constructor(private readonly parts: BreakerValveParts) {
    const { destination, policy, store, clock, me, attemptMaxMs } = parts;
    this.destination = destination;
    this.bornMs = clock.nowMs();
    this.shared = new SharedBreaker({ destination, policy, store, clock, me, changed: (before, after) => this.onChange(before, after) });
    const { shared } = this;
    this.canary = new Canary({ shared, destination, store, clock, me, attemptMaxMs, changed: () => this.tellLimit() });
  }

  get state(): BreakerState {
    return this.shared.state;
  }

  limit(): number {
    const { phase } = this.shared.state;
    if (!this.isKnown) return 0;
    if (phase.kind === 'closed') return Infinity;
    // Where a health URL is asked, no delivery goes in for it.
    if (phase.kind !== 'ramping') return this.parts.probe === null && (this.canary.isMine || this.isDue()) ? 1 : 0;
    const { me, members, clock } = this.parts;
    const { level, by, sinceMs } = phase;
    return decideShare({ level, by, me, members: members(), levelAgeMs: clock.nowMs() - sinceMs });
  }

  /** Somebody wants to be the canary: whoever gets the lease may. */
  ready(): boolean {
    if (this.isLettingIn() || this.canary.isMine) return true;
    if (this.parts.probe === null) void this.canary.claim();
    return false;
  }

  take(): boolean {
    return this.isLettingIn() || (this.ready() && this.parts.probe === null && this.canary.use());
  }

  told(told: Told): void {
    const { phase } = this.shared.state;
    if (told.tookMs !== null && told.nowMs - told.tookMs < freshFromMs(this.shared.state)) return;
    const failed = told.class === 'transient' || told.class === 'unknown';
    if (phase.kind === 'open' || phase.kind === 'half-open') {
      if (this.parts.probe === null) this.canary.told(told, failed, causeOf(told));
      return;
    }
    // The rest says nothing of whether the partner is well: it is busy, or the fault is ours.
    if (!failed && told.class !== 'delivered' && told.class !== 'business') return;
    if (!failed) this.countQuiet(told.nowMs);
    if (!failed && phase.kind === 'closed' && phase.streak === 0) return;
    this.reportSoon(told, failed);
  }

  holding(): Holding | null {
    const { phase, outage } = this.shared.state;
    if (!this.isKnown) return { reason: 'breaker', sinceMs: this.bornMs, untilMs: null, detail: 'what stands is not known yet' };
    if (phase.kind === 'closed' || phase.kind === 'ramping') return null;
    const untilMs = phase.kind === 'open' ? phase.nextProbeMs : null;
    const sinceMs = outage?.sinceMs ?? this.bornMs;
    return { reason: 'breaker', sinceMs, untilMs: untilMs && Math.max(untilMs, sinceMs), detail: outage?.cause ?? null };
  }

  /** The ramp's failures, and those of requests that were under way in the outage or its ramp, are the outage's. */
  spares(beganMs: number): HoldReason | null {
    const { phase, last } = this.shared.state;
    const isSpared = !this.isKnown || phase.kind !== 'closed' || (last !== null && beganMs <= last.untilMs);
    return isSpared ? 'breaker' : null;
  }

  /** So that the failures of several replicas are one run before any of them is spent. */
  agreed(): Promise<void> | null {
    return this.shared.isReported ? null : this.shared.reported();
  }

  changed(listener: () => void): void {
    this.listener = listener;
  }

  /** What happened here is reported; a probe that was not used is another's to take. */
  async close(): Promise<void> {
    this.canary.stop();
    await this.shared.report();
  }

  /** What stands is known, or was not told in time. */
  begin(): void {
    if (this.isKnown) return;
    this.isKnown = true;
    this.tellLimit();
  }

  /** The store says that it stands as `version`. Rejects when the store is away. */
  async follow(version: string): Promise<void> {
    await this.shared.follow(version);
  }

  /** What is due by now. Called about once a second, and when the next probe is. */
  async tick(): Promise<void> {
    const nowMs = this.parts.clock.nowMs();
    const { phase } = this.shared.state;
    if (phase.kind === 'closed' && phase.slots.some(({ failures }) => failures > 0)) this.reportQuiet(nowMs);
    this.shared.apply({ kind: 'time-passed', atMs: nowMs });
    await this.canary.keep();
    if (this.parts.probe && this.isDue() && !this.canary.isMine) await this.probeNow(this.parts.probe);
    if (!this.shared.isReported) await this.shared.report();
    this.tellLimit();
  }

  /** In how many ms something is due; null: nothing is. */
  dueInMs(): number | null {
    const { phase } = this.shared.state;
    return phase.kind === 'open' && phase.nextProbeMs !== null ? phase.nextProbeMs - this.parts.clock.nowMs() : null;
  }

  private isLettingIn(): boolean {
    const { kind } = this.shared.state.phase;
    return kind === 'closed' || kind === 'ramping';
  }

  private isDue(): boolean {
    const { phase } = this.shared.state;
    if (phase.kind === 'open') return phase.nextProbeMs !== null && phase.nextProbeMs <= this.parts.clock.nowMs();
    // Whoever probed is gone: its lease has ended, and the turn is anybody's.
    return phase.kind === 'half-open' && this.shared.leased === null && this.shared.isReported;
  }

  private async probeNow(probe: Probe): Promise<void> {
    if (!(await this.canary.claim())) return;
    this.canary.use();
    void probe().then(({ ok, cause }) => this.canary.ended(ok, cause));
  }

  private reportSoon(told: Told, failed: boolean): void {
    const atMs = told.nowMs;
    const before = successes(this.quiet);
    this.quiet = [];
    const outcomes = failed ? joined(before, oneFailure(Math.floor(atMs / slotMs(this.parts.policy)))) : before;
    this.shared.apply({ kind: 'told', atMs, outcomes, cause: causeOf(told) });
  }

  private reportQuiet(atMs: number): void {
    if (this.quiet.length === 0) return;
    const outcomes = successes(this.quiet);
    this.quiet = [];
    this.shared.apply({ kind: 'told', atMs, outcomes, cause: '' });
  }

  private countQuiet(nowMs: number): void {
    const at = Math.floor(nowMs / slotMs(this.parts.policy));
    const last = this.quiet.at(-1);
    if (last?.at === at) last.successes++;
    else this.quiet = [...this.quiet.slice(1 - quietSlotsMax), { at, failures: 0, successes: 1 }];
  }

  private onChange(before: BreakerState, after: BreakerState): void {
    this.parts.changed(before, after);
    this.tellLimit();
  }

  private tellLimit(): void {
    const limit = this.limit();
    // A narrow one is told again: what `take` answers may be another now.
    const isNews = limit !== this.lastLimit || limit < Infinity;
    this.lastLimit = limit;
    if (limit > 0 && isNews) this.listener();
  }
}

/** As many as the window has parts. */
const quietSlotsMax = 10;

const causeOf = ({ status, class: named }: Told): string =>
  status !== null ? `the last answer was ${status}` : named === 'unknown' ? 'the last had no answer' : 'the last found nobody';
