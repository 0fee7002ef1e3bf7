import type { Clock } from '#libs/kafka/src/index.js';
import type { BreakerPolicy, BreakerState } from './breaker.fold.js';
import type { BreakerStore } from './breaker-store.port.js';
import { BreakerValve, type Probe } from './breaker-valve.js';

export type BreakersParts = Readonly<{
  store: BreakerStore;
  clock: Clock;
  /** Names this start of this process; unique. */
  me: string;
  report: BreakerReport;
  /** How often the store is asked while all is well, and while something is not. */
  pollMs?: number;
  pollOpenMs?: number;
}>;

/** Telling: synchronous, and never throws. */
export interface BreakerReport {
  breakerChanged(destination: string, before: BreakerState, after: BreakerState): void;
}

export type NewBreaker = Readonly<{ destination: string; policy: BreakerPolicy; probe: Probe | null; attemptMaxMs: number }>;

const pollDefaultMs = 800;
const pollOpenDefaultMs = 250;
/** For so long nothing goes in before the store has told what stands; without it nothing could be claimed either. */
const learnMaxMs = 3_000;
const learnAgainMs = 100;

/** All breakers of a process, and their one loop beside the hot path: it asks the store once for all of them. */
export class Breakers {
  private readonly valves: BreakerValve[] = [];
  private readonly end = new AbortController();
  private members: readonly string[] = [];
  private napping = new AbortController();
  private running: Promise<void> | null = null;

  constructor(private readonly parts: BreakersParts) {}

  /** Before `start`. */
  valve({ destination, policy, probe, attemptMaxMs }: NewBreaker): BreakerValve {
    const { store, clock, me, report } = this.parts;
    const changed = (before: BreakerState, after: BreakerState): void => {
      if (before.phase.kind === after.phase.kind) return;
      report.breakerChanged(destination, before, after);
      this.napping.abort(); // What is due next may be due earlier now.
    };
    const valve = new BreakerValve({
      ...{ destination, policy, probe, attemptMaxMs, store, clock, me, changed },
      members: () => this.members,
    });
    this.valves.push(valve);
    return valve;
  }

  states(): readonly Readonly<{ destination: string; state: BreakerState }>[] {
    return this.valves.map(({ destination, state }) => ({ destination, state }));
  }

  start(): void {
    this.running ??= this.run();
  }

  async close(): Promise<void> {
    this.end.abort();
    this.napping.abort();
    await this.running;
    await Promise.all(this.valves.map((valve) => valve.close()));
  }

  private async run(): Promise<void> {
    const { clock } = this.parts;
    const { signal } = this.end;
    const learnUntilMs = clock.monotonicMs() + learnMaxMs;
    while (!signal.aborted && !(await this.follow()) && clock.monotonicMs() < learnUntilMs) await clock.sleep(learnAgainMs, signal);
    for (const valve of this.valves) valve.begin();
    while (!signal.aborted) {
      await this.follow();
      this.napping = new AbortController();
      await Promise.all(this.valves.map((valve) => valve.tick().catch(() => {})));
      if (!signal.aborted) await clock.sleep(this.napMs(), this.napping.signal);
    }
  }

  /** False: the store is away, and what is known stands. */
  private async follow(): Promise<boolean> {
    if (this.valves.length === 0) return true;
    const names = this.valves.map(({ destination }) => destination);
    try {
      const { versions, members } = await this.parts.store.poll(names, this.isWatchful() ? this.parts.me : null);
      this.members = members;
      for (const [n, valve] of this.valves.entries()) await valve.follow(versions[n]!);
      return true;
    } catch {
      return false;
    }
  }

  private isWatchful(): boolean {
    return this.valves.some(({ state }) => state.phase.kind !== 'closed');
  }

  private napMs(): number {
    const { pollMs = pollDefaultMs, pollOpenMs = pollOpenDefaultMs } = this.parts;
    const dues = this.valves.flatMap((valve) => valve.dueInMs() ?? []).filter((dueMs) => dueMs > 0);
    return Math.min(this.isWatchful() ? pollOpenMs : pollMs, ...dues);
  }
}
