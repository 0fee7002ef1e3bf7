import type { Holding, Told, Valve } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { leaseMaxTokens, rateTerms, type Rate, type RateTerms } from './gcra.fold.js';
import type { RateStore } from './rate-store.port.js';

export type RateLimitParts = Readonly<{
  destination: string;
  rate: Rate;
  store: RateStore;
  clock: Clock;
  /** Each token, once: what it was for. Lapsed tokens are the price of leasing ahead. */
  tokens?: (result: 'used' | 'lapsed', count: number) => void;
}>;

/** A wait is told as a hold only when it is longer: a token every 20 ms is a pace, not a hold. */
const tellAfterMs = 1_000;
const askAgainFirstMs = 50;
const askAgainMaxMs = 2_000;
/** Between two questions of a replica that got less than it wanted: others want tokens too, and to ask for each as it comes would cost a call a token. */
const askSpacingMs = 200;
/** Tokens of a fast rate are used a few at a time, so that a thousand a second are not a thousand timers. */
const wakeTogetherMaxMs = 5;

/**
 * The rate of a destination, of which this process leases a little at a time. It asks only while somebody wants a token, and for
 * more at a time while all it got is used: one call for up to `leaseMaxTokens` deliveries, one for each where the rate is
 * slow. Moments are reserved up to 400 ms ahead, so asking less often than tokens come costs no throughput.
 *
 * Redis away: nothing is leased and the valve stays shut. Nothing could be sent anyway: a start is counted in Redis first (rule 13).
 *
 * Times   A token's moment is counted from when the answer came, and the time it is good for from when the question went, both on
 *         the monotonic clock: so it is used within its time on Redis' clock, whatever this machine's clock says.
 */
export class RateLimitValve implements Valve {
  private readonly terms: RateTerms;
  private readonly leaseMax: number;
  /** Moments of the tokens in hand, ascending; those before `first` are gone. */
  private moments: number[] = [];
  private lapses: number[] = [];
  private first = 0;
  private leaseTokens = 1;
  /** Of the lease before last, so that a lease's waste is known when it is over. */
  private hasLapsed = false;
  private isAsking = false;
  /** Not before then, for the last answer was short. */
  private askFromMs = 0;
  private wantedSinceMs: number | null = null;
  private detail: string | null = null;
  private nextMs: number | null = null;
  private isWanted = false;
  private waking = false;
  private listener: () => void = () => {};
  private readonly closing = new AbortController();

  constructor(private readonly parts: RateLimitParts) {
    this.terms = rateTerms(parts.rate);
    this.leaseMax = leaseMaxTokens(this.terms);
  }

  limit(): number {
    return Infinity;
  }

  take(): boolean {
    const nowMs = this.parts.clock.monotonicMs();
    this.dropLapsed(nowMs);
    const isThere = this.first < this.moments.length && this.moments[this.first]! <= nowMs;
    if (isThere) {
      this.first++;
      this.isWanted = false;
      this.wantedSinceMs = null;
      this.parts.tokens?.('used', 1);
    } else {
      this.isWanted = true;
      this.wantedSinceMs ??= this.parts.clock.nowMs();
    }
    this.lookAhead(nowMs);
    return isThere;
  }

  told(_outcome: Told): void {}

  holding(): Holding | null {
    const { wantedSinceMs, nextMs, detail } = this;
    const { clock } = this.parts;
    if (wantedSinceMs === null) return null;
    const untilMs = nextMs === null ? null : clock.nowMs() + Math.max(0, nextMs - clock.monotonicMs());
    if (Math.max(clock.nowMs(), untilMs ?? 0) - wantedSinceMs <= tellAfterMs) return null;
    return { reason: 'rate-limit', sinceMs: wantedSinceMs, untilMs, detail };
  }

  changed(listener: () => void): void {
    this.listener = listener;
  }

  /** What is in hand lapses by itself. */
  async close(): Promise<void> {
    this.closing.abort();
  }

  /** Asks when half of the last lease is left, so that nobody waits for Redis; wakes who waits when the next token's moment has come. */
  private lookAhead(nowMs: number): void {
    const left = this.moments.length - this.first;
    if (left * 2 <= this.leaseTokens && !this.isAsking && !this.closing.signal.aborted) void this.ask();
    if (this.isWanted && left > 0 && !this.waking) void this.wakeAt(this.moments[this.first]!, nowMs);
  }

  private async ask(): Promise<void> {
    const { store, clock, destination } = this.parts;
    this.isAsking = true;
    for (let againMs = askAgainFirstMs; !this.closing.signal.aborted; againMs = Math.min(askAgainMaxMs, againMs * 2)) {
      const spacingMs = this.askFromMs - clock.monotonicMs();
      if (spacingMs > 0) await clock.sleep(spacingMs, this.closing.signal);
      const askedMs = clock.monotonicMs();
      try {
        const { granted, firstUs, waitUs } = await store.reserve(destination, this.leaseTokens, this.terms);
        this.detail = null;
        if (granted < this.leaseTokens) this.askFromMs = askedMs + Math.max(askSpacingMs, Math.ceil(waitUs / 1_000));
        if (granted > 0) {
          this.book(granted, firstUs, askedMs);
          break;
        }
        this.nextMs = clock.monotonicMs() + (waitUs + this.terms.horizonUs) / 1_000;
        againMs = askAgainFirstMs / 2;
      } catch (error) {
        this.detail = `the rate's share cannot be leased: ${error instanceof Error ? error.message : String(error)}`;
        this.nextMs = null;
        await clock.sleep(againMs, this.closing.signal);
      }
      if (!this.isWanted) break;
    }
    this.isAsking = false;
    if (this.isWanted && !this.closing.signal.aborted) this.tell();
  }

  private book(granted: number, firstUs: number, askedMs: number): void {
    const { intervalUs, useWithinUs } = this.terms;
    const cameMs = this.parts.clock.monotonicMs();
    // What is in hand lapses before what comes: it is used up first. The next lease is larger when this one's forerunner was used.
    this.moments = this.moments.slice(this.first);
    this.lapses = this.lapses.slice(this.first);
    this.first = 0;
    for (let k = 0; k < granted; k++) {
      const inMs = Math.max(0, firstUs + k * intervalUs) / 1_000;
      this.moments.push(cameMs + inMs);
      this.lapses.push(askedMs + inMs + useWithinUs / 1_000);
    }
    this.leaseTokens = Math.min(this.leaseMax, Math.max(1, this.hasLapsed ? this.leaseTokens >> 1 : this.leaseTokens * 2));
    this.hasLapsed = false;
    this.nextMs = this.moments[0]!;
  }

  private dropLapsed(nowMs: number): void {
    const from = this.first;
    while (this.first < this.lapses.length && this.lapses[this.first]! < nowMs) this.first++;
    const lapsed = this.first - from;
    if (lapsed === 0) return;
    this.hasLapsed = true;
    this.parts.tokens?.('lapsed', lapsed);
  }

  private async wakeAt(momentMs: number, nowMs: number): Promise<void> {
    this.waking = true;
    this.nextMs = momentMs;
    const togetherMs = Math.min(wakeTogetherMaxMs, this.terms.useWithinUs / 4_000);
    if (momentMs > nowMs) await this.parts.clock.sleep(momentMs - nowMs + togetherMs, this.closing.signal);
    else await Promise.resolve();
    this.waking = false;
    if (!this.closing.signal.aborted) this.tell();
  }

  /** Who waits takes while it is told. Nobody did: nobody waits any more, and nothing is asked for. */
  private tell(): void {
    this.isWanted = false;
    this.listener();
    if (!this.isWanted) this.wantedSinceMs = null;
  }
}
