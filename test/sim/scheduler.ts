import type { Clock, Interleave } from '#libs/kafka/src/index.js';

/**
 * The simulator's kernel: one process of Node plays many, and a seed decides what happens next.
 *
 * Every port call of a simulated process parks twice, before its effect and behind it, and goes on only when the scheduler
 * picks it. So a call may be delayed, overtaken, frozen for any time (a process that is not picked), or never answered (a
 * process that died). Time is virtual and moves only when the scheduler says so. The same seed gives the same run.
 *
 * Source: FoundationDB's simulation and TigerBeetle's VOPR, much smaller: our processes touch the world through ports alone.
 */
export class Scheduler {
  readonly random: () => number;
  private readonly parked: Parked[] = [];
  private timers: Timer[] = [];
  private nowMs = 1_700_000_000_000;
  private readonly startMs = this.nowMs;
  private trail: string[] = [];

  constructor(
    readonly seed: number,
    private readonly trailMax = 400,
  ) {
    this.random = mulberry32(seed);
  }

  process(name: string, spoil?: Spoil): SimProcess {
    return new SimProcess(name, this, spoil);
  }

  /** Virtual wall clock, ms since the epoch. */
  now(): number {
    return this.nowMs;
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)]!;
  }

  note(line: string): void {
    if (this.trail.length >= this.trailMax) this.trail.shift();
    this.trail.push(`${this.nowMs - this.startMs} ms  ${line}`);
  }

  /** What happened last, for the report of a failing seed. */
  history(): readonly string[] {
    return this.trail;
  }

  /**
   * Runs until `done`, `stepsMax`, or until nothing can move any more. `between` runs before each step: crashes, losses and
   * takeovers are put there, and invariants are checked there.
   */
  async run(options: { stepsMax: number; done: () => boolean; between?: () => void }): Promise<'done' | 'stuck' | 'steps'> {
    await drain();
    for (let step = 0; step < options.stepsMax; step++) {
      options.between?.();
      if (options.done()) return 'done';
      if (!this.step()) return 'stuck';
      await drain();
    }
    return 'steps';
  }

  /** Moves one parked call or, when none can move (and sometimes although one could), the clock to the next timer. */
  private step(): boolean {
    const movable = this.parked.filter((one) => one.process.state === 'running');
    const due = this.timers.filter((one) => one.process.state === 'running');
    if (movable.length > 0 && (due.length === 0 || !this.chance(0.05))) {
      const one = this.pick(movable);
      this.parked.splice(this.parked.indexOf(one), 1);
      this.note(`${one.process.name} ${one.label}`);
      one.resume();
      return true;
    }
    if (due.length === 0) return false;
    const next = due.reduce((a, b) => (b.atMs < a.atMs ? b : a));
    this.timers.splice(this.timers.indexOf(next), 1);
    this.nowMs = Math.max(this.nowMs, next.atMs);
    next.resume();
    return true;
  }

  park(process: SimProcess, label: string): Promise<void> {
    return new Promise((resume) => this.parked.push({ process, label, resume }));
  }

  sleep(process: SimProcess, ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted || process.state === 'dead') return process.state === 'dead' ? new Promise(() => {}) : Promise.resolve();
    return new Promise((resolve) => {
      const timer: Timer = { process, atMs: this.nowMs + Math.max(0, ms), resume: resolve };
      this.timers.push(timer);
      signal?.addEventListener('abort', () => {
        const at = this.timers.indexOf(timer);
        if (at < 0) return;
        this.timers.splice(at, 1);
        resolve();
      });
    });
  }

  /** Moves the clock by itself, as a long freeze does; timers that became due fire in the following steps. */
  elapse(ms: number): void {
    this.nowMs += ms;
  }

  forget(process: SimProcess): void {
    for (let i = this.parked.length - 1; i >= 0; i--) if (this.parked[i]!.process === process) this.parked.splice(i, 1);
    this.timers = this.timers.filter((one) => one.process !== process);
  }
}

/** May throw from behind a call whose effect stands: an answer that was lost. */
export type Spoil = (call: string) => void;

export class SimProcess {
  state: 'running' | 'frozen' | 'dead' = 'running';
  readonly interleave: Interleave;
  readonly clock: Clock;

  constructor(
    readonly name: string,
    private readonly scheduler: Scheduler,
    spoil?: Spoil,
  ) {
    this.interleave = {
      before: (call) => this.wait(`→ ${call}`),
      after: async (call) => {
        await this.wait(`← ${call}`);
        spoil?.(call);
      },
    };
    this.clock = {
      nowMs: () => scheduler.now(),
      monotonicMs: () => scheduler.now(),
      sleep: (ms, signal) => scheduler.sleep(this, ms, signal),
    };
  }

  /** Its memory is gone; what it had under way never answers. Effects that already happened stand. */
  crash(): void {
    this.scheduler.note(`${this.name} CRASHES`);
    this.state = 'dead';
    this.scheduler.forget(this);
  }

  freeze(): void {
    if (this.state !== 'running') return;
    this.scheduler.note(`${this.name} freezes`);
    this.state = 'frozen';
  }

  wake(): void {
    if (this.state !== 'frozen') return;
    this.scheduler.note(`${this.name} wakes up`);
    this.state = 'running';
  }

  private wait(label: string): Promise<void> {
    return this.state === 'dead' ? new Promise(() => {}) : this.scheduler.park(this, label);
  }
}

type Parked = { process: SimProcess; label: string; resume: () => void };
type Timer = { process: SimProcess; atMs: number; resume: () => void };

/** Lets every promise that can move do so: setImmediate runs behind all microtasks. */
const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A small, fast, well-mixed generator (Tommy Ettinger, public domain): the same seed, the same run. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
