import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { toldOf } from '#libs/delivery/src/testing/scripted-valve.js';
import type { BreakerPolicy } from '../breaker.fold.js';
import { MemoryBreakerStore } from '../breaker-store.memory.js';
import type { BreakerStore } from '../breaker-store.port.js';
import type { BreakerValve, Probe } from '../breaker-valve.js';
import { Breakers } from '../breakers.js';

export const testBreakerPolicy = (over: Partial<BreakerPolicy> = {}): BreakerPolicy => ({
  failures: 5,
  rate: { share: 0.5, windowMs: 30_000, atLeast: 20 },
  probe: { firstMs: 1_000, maxMs: 14_400_000 },
  rampMax: 8,
  ...over,
});

export type ReplicaOptions = Readonly<{ probe?: Probe | null; pollMs?: number; policy?: Partial<BreakerPolicy>; store?: BreakerStore }>;

/** Replicas of one destination's breaker over one store and one clock. */
export class BreakerWorld {
  readonly clock = new ManualClock();
  readonly store = new MemoryBreakerStore(this.clock);
  readonly changes: string[] = [];
  private readonly open: Breakers[] = [];

  /** Started, and told what stands. */
  async replica(me: string, options: ReplicaOptions = {}): Promise<Replica> {
    const replica = this.unstarted(me, options);
    replica.breakers.start();
    await this.clock.advance(0);
    return replica;
  }

  unstarted(me: string, { probe = null, pollMs, policy, store }: ReplicaOptions = {}): Replica {
    const breakers = new Breakers({
      store: store ?? this.store,
      clock: this.clock,
      me,
      report: {
        breakerChanged: (destination, before, after) =>
          void this.changes.push(`${me} ${destination} ${before.phase.kind}→${after.phase.kind}`),
      },
      ...(pollMs !== undefined && { pollMs, pollOpenMs: pollMs }),
    });
    const valve = breakers.valve({ destination: 'portal', policy: testBreakerPolicy(policy), probe, attemptMaxMs: 11_000 });
    this.open.push(breakers);
    return new Replica(this.clock, breakers, valve);
  }

  /** Time passes in small steps while all replicas want to send; outcomes are the partner's word. Counts who is inside at once. */
  async traffic(replicas: readonly Replica[], forMs: number, partner: () => 'delivered' | 'transient', takesMs = 100) {
    const seen: { atMs: number; inside: number }[] = [];
    const ends: { atMs: number; replica: Replica }[] = [];
    const untilMs = this.clock.nowMs() + forMs;
    while (this.clock.nowMs() < untilMs) {
      const nowMs = this.clock.nowMs();
      for (const { replica } of ends.filter(({ atMs }) => atMs <= nowMs)) replica.ends(partner(), 503);
      ends.splice(0, ends.length, ...ends.filter(({ atMs }) => atMs > nowMs));
      for (const replica of replicas)
        while (replica.inside < 8 && replica.enter()) {
          ends.push({ atMs: nowMs + takesMs, replica });
          seen.push({ atMs: nowMs, inside: replicas.reduce((sum, { inside }) => sum + inside, 0) });
        }
      await this.clock.advance(20);
    }
    return seen;
  }

  async close(): Promise<void> {
    await Promise.all(this.open.map((breakers) => breakers.close()));
  }
}

/** A process as the gate uses its valve: somebody always wants to go in. */
export class Replica {
  calls = 0;
  /** Sent and without an outcome. */
  inside = 0;

  constructor(
    private readonly clock: ManualClock,
    readonly breakers: Breakers,
    readonly valve: BreakerValve,
  ) {
    valve.changed(() => void this.calls++);
  }

  get kind(): string {
    return this.valve.state.phase.kind;
  }

  /** As the gate does: the limit first, then the taking. */
  enter(): boolean {
    const isIn = this.inside < this.valve.limit() && this.valve.take();
    if (isIn) this.inside++;
    return isIn;
  }

  ends(named: 'delivered' | 'transient' | 'unknown' | 'business' | 'throttled' | 'auth' | 'permanent', status: number | null = 200): void {
    this.inside--;
    this.valve.told(toldOf(named, { nowMs: this.clock.nowMs(), tookMs: 0, status }));
  }

  /** Requests one after the other, as long as the valve lets them in; answers how many. */
  send(named: Parameters<Replica['ends']>[0], count = 1): number {
    for (let n = 0; n < count; n++) {
      if (!this.enter()) return n;
      this.ends(named, named === 'delivered' ? 200 : named === 'unknown' ? null : 500);
    }
    return count;
  }
}
