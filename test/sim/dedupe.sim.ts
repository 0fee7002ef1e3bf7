import type { Codec } from '#libs/contracts/src/index.js';
import { parsePosition } from '#libs/domain/src/index.js';
import { MemorySeenState, MemorySeenStore, type SeenSnapshot } from '#libs/identity/src/index.js';
import { LogError, MemoryLog, PartitionOwner, type Committed, type MemoryGroup, type MemoryProcess } from '#libs/kafka/src/index.js';
import { createDedupeProcess, type DedupeProcess } from '../../apps/dedupe/src/dedupe.process.js';
import {
  eventRecord,
  factWords,
  readDelivery,
  readFact,
  route,
  testConfig,
  testEvent,
} from '../../apps/dedupe/src/testing/dedupe.world.js';
import { plantInBroker, plantInLog, storeFault, type DedupeFault } from './dedupe.faults.js';
import { Scheduler, type SimProcess } from './scheduler.js';

/** `broken` is null when every invariant held; otherwise which one did not, and `history` says what led there. */
export type SimResult = Readonly<{ seed: number; broken: string | null; history: readonly string[]; steps: number }>;

const prefix = 's.';
const group = `${prefix}dedupe`;
const topic = `${prefix}events`;
const stepsMax = 4_000;
/** How many more steps the zombies get when everything is judged. */
const aftermathSteps = 60;
const stuckMax = 20;
const hour = 3_600_000;

type Life = { sim: SimProcess; view: MemoryProcess; dedupe: DedupeProcess | null; joined: boolean };

/**
 * The real pipeline of dedupe in several simulated processes on one partition: one seed, one run.
 *
 * What may happen at any step: a crash before or behind any port call · a freeze, of any length · a takeover while the old owner
 * still runs, told or not · Redis wiped, or back at a snapshot · the answer to a commit lost.
 *
 * Invariants (model/README.md): each position has one verdict, and exactly the one that the log alone gives it · each accepted event
 * has one delivery, no other has any · no offset passes a position without a verdict · the committed offset never goes back · the
 * end is reached.
 */
export class DedupeWorld {
  private readonly scheduler: Scheduler;
  private readonly kafka: SimProcess;
  private readonly log: MemoryLog;
  private readonly group: MemoryGroup;
  private readonly seen: MemorySeenState;
  private readonly lives: Life[] = [];
  private readonly budget: { crashes: number; takeovers: number; losses: number; snapshots: number; freezes: number; answers: number };
  private snapshot: SeenSnapshot | null = null;
  private committed: Committed | null = null;
  private before: { value: Committed | null; steps: number } = { value: null, steps: 0 };
  private ordering: 'latest-wins' | 'unordered' = 'unordered';
  private readonly coming: { id: string; key: string; revision: number }[] = [];
  private readonly expected = new Map<number, string>();
  private readonly firsts = new Map<string, { at: number; appendedMs: number }>();
  private windowMs = hour;
  private newest: { revision: number; at: number } | null = null;
  private end = 0;
  private born = 0;
  private steps = 0;
  private broken: string | null = null;
  private readonly batchMaxRecords: number;

  constructor(
    readonly seed: number,
    private readonly codec: Codec,
    private readonly fault: DedupeFault | null = null,
  ) {
    const scheduler = (this.scheduler = new Scheduler(seed));
    const upTo = (max: number): number => Math.floor(scheduler.random() * (max + 1));
    this.budget = { crashes: upTo(2), takeovers: upTo(3), losses: upTo(2), snapshots: upTo(2), freezes: upTo(2), answers: upTo(1) };
    this.batchMaxRecords = 1 + upTo(2);
    this.kafka = scheduler.process('kafka');
    this.log = new MemoryLog({ clock: this.kafka.clock, assignment: 'by-hand' });
    plantInBroker(this.log.broker, fault);
    for (const name of [topic, `${prefix}ledger`, `${prefix}invalid`, `${prefix}deliveries.portal`]) this.log.createTopic(name);
    this.log.broker.setCommitted({ group, topic, partition: 0, offset: 0, metadata: '' });
    this.group = this.log.group(group, topic);
    this.seen = new MemorySeenState(() => scheduler.now());
    this.invent(3 + upTo(3));
    this.spawn();
    this.spawn();
  }

  async play(): Promise<SimResult> {
    try {
      let finished = await this.live();
      // Everybody who could move is frozen: one wakes up in the end.
      for (let n = 0; finished === 'stuck' && n < stuckMax; n++) {
        for (const { sim } of this.lives) sim.wake();
        finished = await this.live();
      }
      if (finished !== 'done') this.broken ??= `the end is not reached (${finished})`;
      for (const { sim } of this.lives) sim.wake();
      await this.scheduler.run({ stepsMax: aftermathSteps, done: () => this.broken !== null, between: () => this.watch() });
      this.broken ??= this.judge();
    } catch (error) {
      this.broken = `the simulator failed: ${String(error)}`;
    }
    // Node keeps a combined signal that somebody listens to until it is aborted, so a run that just ends would leak.
    for (const { dedupe } of this.lives) void dedupe?.stop();
    return { seed: this.seed, broken: this.broken, history: this.scheduler.history(), steps: this.steps };
  }

  private live(): Promise<'done' | 'stuck' | 'steps'> {
    return this.scheduler.run({ stepsMax, done: () => this.isOver() || this.broken !== null, between: () => this.between() });
  }

  /** Events with few keys and revisions. Some stand in the log at the beginning, the rest comes while the processes live. */
  private invent(count: number): void {
    const { scheduler } = this;
    this.ordering = scheduler.chance(0.3) ? 'latest-wins' : 'unordered';
    if (scheduler.chance(0.25)) {
      // Windows that end under way. Without losses: a rebuild may begin a window where its edge happens to be.
      this.windowMs = 100;
      this.budget.losses = 0;
    }
    for (let n = 0; n < count; n++) {
      const revision = Math.floor(scheduler.random() * 3);
      this.coming.push({ id: `e${n}`, key: `k${revision}`, revision });
    }
    for (let n = Math.ceil(scheduler.random() * count); n > 0; n--) this.append();
  }

  /** The next event, sometimes behind an aborted one; and what the log alone says of it: the reference every run must agree with. */
  private append(): void {
    const { broker } = this.log;
    const { id, key, revision } = this.coming.shift()!;
    const record = eventRecord(this.codec, topic, testEvent({ id, key, revision: String(revision) }));
    if (this.scheduler.chance(0.25)) {
      const epoch = broker.fence('another producer');
      broker.write([record], broker.begin('another producer', epoch));
      broker.end('another producer', epoch, 'aborted');
    }
    if (this.windowMs < hour) this.scheduler.elapse(Math.floor(this.scheduler.random() * this.windowMs * 1.2));
    const at = broker.write([record], null)[0]!.baseOffset;
    const nowMs = this.scheduler.now();
    const first = this.firsts.get(key);
    const isDuplicate = first !== undefined && nowMs - first.appendedMs <= this.windowMs;
    if (isDuplicate) this.expected.set(at, `${at} duplicate of ${first.at}`);
    else if (this.ordering === 'latest-wins' && this.newest && this.newest.revision > revision)
      this.expected.set(at, `${at} superseded by ${this.newest.at}`);
    else {
      this.expected.set(at, `${at} accepted → portal`);
      if (!this.newest || revision > this.newest.revision) this.newest = { revision, at };
    }
    if (!isDuplicate) this.firsts.set(key, { at, appendedMs: nowMs });
    this.end = at + 1;
  }

  private spawn(): Life {
    const name = `${'ABCDEFGHIJ'[this.born++ % 10]}${this.born}`;
    const sim = this.scheduler.process(name, (call) => this.spoil(call));
    const view = this.log.process(sim.interleave, name);
    const life: Life = { sim, view, dedupe: null, joined: false };
    this.lives.push(life);
    const dedupe = createDedupeProcess({
      cluster: view,
      seen: new MemorySeenStore(this.seen, sim.interleave, storeFault(this.fault)),
      codec: this.codec,
      clock: sim.clock,
      config: testConfig(prefix, {
        windowMs: () => this.windowMs,
        windowMaxMs: this.windowMs,
        batchMaxRecords: this.batchMaxRecords,
        routes: [route({ ordering: this.ordering })],
      }),
      prefix,
      tell: (news) => this.scheduler.note(`${name} ${news.kind}`),
      own: (log) => {
        const planted = this.fault ? plantInLog(log, this.fault, () => this.stale()) : log;
        return new PartitionOwner(planted, { begin: 'own-topic', newIncarnation: () => `i${this.scheduler.random()}` });
      },
    });
    life.dedupe = dedupe;
    void dedupe.start().then(() => (life.joined = true));
    return life;
  }

  /** The answer to a commit is lost: it stands, and its owner does not know. */
  private spoil(call: string): void {
    if (!call.startsWith('log.commit.end') || this.budget.answers === 0 || !this.scheduler.chance(0.15)) return;
    this.budget.answers -= 1;
    this.scheduler.note('THE ANSWER IS LOST');
    throw new LogError('unknown-end', 'the answer to the commit is lost');
  }

  /** What a coordinator that is behind would still show, for a little while after a commit. */
  private stale(): Committed | null | undefined {
    return this.steps - this.before.steps < 40 ? this.before.value : undefined;
  }

  private between(): void {
    this.watch();
    if (this.coming.length > 0 && this.scheduler.chance(0.05)) this.append();
    if (this.group.ownerOf(0) === null) return this.assign();
    if (this.scheduler.chance(0.06)) this.misfortune();
    for (const { sim } of this.lives) if (sim.state === 'frozen' && this.scheduler.chance(0.02)) sim.wake();
    // Nobody may stay frozen while it holds the partition: the group would give it to another in the end.
    const owner = this.lives.find(({ sim }) => sim.name === this.group.ownerOf(0));
    if (owner?.sim.state === 'frozen' && this.scheduler.chance(0.05)) this.takeover();
  }

  private misfortune(): void {
    const { budget, scheduler } = this;
    const owner = this.lives.find(({ sim }) => sim.name === this.group.ownerOf(0))!;
    switch (scheduler.pick(['crash', 'takeover', 'takeover', 'loss', 'loss', 'snapshot', 'freeze'] as const)) {
      case 'crash': {
        const one = scheduler.pick(this.lives.filter(({ sim, joined }) => joined && sim.state !== 'dead'));
        if (budget.crashes === 0 || !one) return;
        budget.crashes -= 1;
        one.sim.crash();
        return one.view.crash();
      }
      case 'takeover':
        if (budget.takeovers > 0) this.takeover();
        return;
      case 'loss':
        if (budget.losses === 0) return;
        budget.losses -= 1;
        scheduler.note(`REDIS LOSS ${this.snapshot ? '(back to a snapshot)' : ''}`);
        return this.snapshot ? this.seen.fallBack(this.snapshot) : this.seen.wipe();
      case 'snapshot':
        if (budget.snapshots === 0) return;
        budget.snapshots -= 1;
        this.snapshot = this.seen.snapshot();
        return;
      case 'freeze':
        if (budget.freezes === 0) return;
        budget.freezes -= 1;
        return owner.sim.freeze();
    }
  }

  private takeover(): void {
    this.budget.takeovers = Math.max(0, this.budget.takeovers - 1);
    this.assign(this.scheduler.chance(0.4));
  }

  /** To a process that does not have it; a fresh one is born when none is left. */
  private assign(told = true): void {
    const owner = this.group.ownerOf(0);
    const able = this.lives.filter(({ sim, joined }) => joined && sim.state === 'running' && sim.name !== owner);
    if (able.length === 0) {
      if (!this.lives.some(({ sim, joined }) => !joined && sim.state === 'running')) this.spawn();
      return;
    }
    const next = this.scheduler.pick(able);
    this.scheduler.note(`the partition goes to ${next.sim.name}${owner ? ` from ${owner}${told ? '' : ', who is not told'}` : ''}`);
    this.group.moveTo(0, next.sim.name, { told });
  }

  private isOver(): boolean {
    return this.coming.length === 0 && (this.committed?.offset ?? 0) >= this.end;
  }

  /** Looked at before each step. */
  private watch(): void {
    this.steps += 1;
    const now = this.log.broker.committed(group, topic, 0);
    if (now === this.committed) return;
    if (now && this.committed && now.offset < this.committed.offset)
      this.broken = `the committed offset went back from ${this.committed.offset} to ${now.offset}`;
    this.before = { value: this.committed, steps: this.steps };
    this.committed = now;
  }

  private judge(): string | null {
    const facts = this.log.records(`${prefix}ledger`).map((record) => readFact(this.codec, record));
    const words = facts.map(factWords);
    const at = new Map<number, string>();
    for (const [n, fact] of facts.entries()) {
      const offset = parsePosition(fact.eventposition)!.offset;
      if (at.has(offset)) return `position ${offset} has two verdicts: ${at.get(offset)}; ${words[n]}`;
      at.set(offset, words[n]!);
    }
    const stray = [...at.keys()].find((offset) => !this.expected.has(offset));
    if (stray !== undefined) return `position ${stray} has a verdict, and is no event`;
    for (const [offset, expected] of this.expected) {
      const found = at.get(offset);
      if (found === undefined) return `position ${offset} was passed without a verdict`;
      if (found !== expected) return `position ${offset}: ${found}, where the log says ${expected}`;
    }
    const sent = this.log
      .records(`${prefix}deliveries.portal`)
      .map((record) => parsePosition(readDelivery(this.codec, record).eventposition)!.offset);
    const due = [...this.expected].flatMap(([offset, one]) => (one.includes('accepted') ? [offset] : []));
    return sent.toSorted((a, b) => a - b).join() === due.join() ? null : `delivered ${sent.join()}, where ${due.join()} were accepted`;
  }
}
