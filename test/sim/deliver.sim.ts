import type { Codec } from '#libs/contracts/src/index.js';
import { MarksUnavailableError, MemoryMarksServer, type UnknownRule } from '#libs/delivery/src/index.js';
import type { Delivery, Fact } from '#libs/domain/src/index.js';
import { LogError, MemoryLog, PartitionOwner, silentLogger, type Committed, type MemoryProcess } from '#libs/kafka/src/index.js';
import { createDeliverProcess } from '../../apps/deliver/src/deliver.process.js';
import { deliveryRecord } from '../../apps/deliver/src/testing/deliver.world.js';
import { marksFault, plantInLog, plantInOwner, type DeliverFault } from './deliver.faults.js';
import { isFinal, judgeDeliveries, judgeOrder } from './deliver.judge.js';
import { SimPartner } from './deliver.partner.js';
import {
  aftermathSteps,
  destination,
  homes,
  orderingOf,
  settleMs,
  shrunk,
  simBounds,
  simDeliveries,
  simMood,
  simPolicy,
  simReport,
  tiers,
  timeoutMs,
  topics,
  type Home,
  stepsMax,
  stuckMax,
} from './deliver.scene.js';
import { breakerOf } from './deliver.valve.js';
import { Scheduler, type SimProcess } from './scheduler.js';

/** `broken` is null when every invariant held; otherwise which one did not, and `history` says what led there. */
export type DeliverResult = Readonly<{ seed: number; broken: string | null; history: readonly string[]; steps: number }>;

export type DeliverScene = Readonly<{ rule?: UnknownRule; ordering?: Delivery['ordering']; fault?: DeliverFault | null }>;

type Life = { sim: SimProcess; view: MemoryProcess; joined: boolean };

/**
 * The real pipelines of deliver in several simulated processes: one destination, one partition, two delay lines. One seed, one run.
 *
 * What may happen at any step: a crash before or behind any port call · a freeze of any length · a takeover while the old owner
 * still runs, told or not · a group that forbids starts · Redis wiped, or back at a snapshot, or its answer lost · the answer to
 * a commit lost · a request lost, or landed with its answer lost · 500 with and without the effect, refusals, throttling.
 *
 * Invariants (model/README.md), in deliver.judge.ts and `watch`.
 */
export class DeliverWorld {
  private readonly scheduler: Scheduler;
  private readonly log: MemoryLog;
  private readonly marks: MemoryMarksServer;
  private readonly partner: SimPartner;
  private readonly lives: Life[] = [];
  private readonly budget: Record<
    'crashes' | 'takeovers' | 'losses' | 'snapshots' | 'freezes' | 'answers' | 'silences' | 'standings',
    number
  >;
  private readonly rule: UnknownRule;
  private readonly fault: DeliverFault | null;
  private readonly ordering: Delivery['ordering'];
  private readonly maxInFlight: number;
  private readonly wakes: number;
  private readonly arrives: number;
  private readonly finals = new Map<string, Fact>();
  private deliveries: Delivery[] = [];
  private committed: Committed | null = null;
  private ledgerSeen = 0;
  private arrived = 0;
  private born = 0;
  private steps = 0;
  private broken: string | null = null;

  constructor(
    readonly seed: number,
    private readonly codec: Codec,
    scene: DeliverScene = {},
  ) {
    const scheduler = (this.scheduler = new Scheduler(seed));
    const upTo = (max: number): number => Math.floor(scheduler.random() * (max + 1));
    this.fault = scene.fault ?? null;
    this.ordering = scene.ordering ?? 'unordered';
    this.rule = scene.rule ?? scheduler.pick(['idempotency-key', 'lookup', 'resend', 'hold'] as const);
    const isCalm = this.fault === 'lookup at once after a timeout';
    this.budget = {
      crashes: isCalm ? 0 : upTo(2),
      takeovers: isCalm ? 0 : upTo(3),
      losses: isCalm ? 0 : upTo(2),
      snapshots: upTo(2),
      freezes: isCalm ? 0 : upTo(2),
      answers: upTo(1),
      silences: upTo(2),
      standings: upTo(1),
    };
    // It shows only where a claim is granted, its owner freezes right there, and another has looked up meanwhile.
    if (this.fault === 'no deadline between claim and send')
      Object.assign(this.budget, { crashes: 0, losses: 0, freezes: 6, takeovers: 6 });
    this.maxInFlight = 1 + upTo(3);
    this.wakes = scheduler.pick([0.02, 0.005, 0.001]);
    this.arrives = scheduler.pick([0.1, 0.02, 0.01]);
    const kafka = scheduler.process('kafka');
    this.log = new MemoryLog({ clock: kafka.clock, assignment: 'by-hand' });
    for (const { group, topic } of homes) {
      this.log.createTopic(topic);
      this.log.broker.setCommitted({ group, topic, partition: 0, offset: 0, metadata: '' });
    }
    for (const topic of [topics.parked(destination), topics.dlq, topics.invalid, topics.ledger]) this.log.createTopic(topic);
    this.marks = new MemoryMarksServer(marksFault(this.fault));
    this.partner = new SimPartner(scheduler, {
      mood: simMood(scheduler, this.fault),
      timeoutMs,
      settleMs,
      dedupes: this.rule === 'idempotency-key',
      ignoresDeadline: this.fault === 'no deadline between claim and send',
    });
    this.deliveries = simDeliveries(1 + upTo(5), { scheduler, ordering: this.ordering, hasRevisions: seed % 2 === 0 });
    for (let n = upTo(this.deliveries.length); n > 0; n--) this.arrive();
    this.spawn();
    this.spawn();
  }

  async play(): Promise<DeliverResult> {
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
      this.broken ??= judgeDeliveries({
        codec: this.codec,
        log: this.log,
        topics,
        destination,
        tiers,
        rule: this.rule,
        deliveries: this.deliveries,
        effects: this.partner.effects,
      });
      this.broken ??= judgeOrder(this.deliveries, this.partner.inOrder);
    } catch (error) {
      this.broken = `the simulator failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    }
    return { seed: this.seed, broken: this.broken, history: this.scheduler.history(), steps: this.steps };
  }

  private live(): Promise<'done' | 'stuck' | 'steps'> {
    return this.scheduler.run({
      stepsMax,
      done: () => this.finals.size === this.deliveries.length || this.broken !== null,
      between: () => this.between(),
    });
  }

  /** Some are there from the beginning, the others come while the processes live. */
  private arrive(): void {
    const next = this.deliveries[this.arrived];
    if (!next) return;
    this.arrived++;
    this.log.broker.write([deliveryRecord(this.codec, homes[0]!.topic, next)], null);
  }

  private spawn(): void {
    const name = `${'ABCDEFGHIJ'[this.born % 10]}${++this.born}`;
    const sim = this.scheduler.process(name, (call) => this.spoil(call));
    const view = this.log.process(sim.interleave, name);
    const life: Life = { sim, view, joined: false };
    this.lives.push(life);
    const process = createDeliverProcess({
      cluster: view,
      ports: {
        clock: sim.clock,
        codec: this.codec,
        marks: this.marks.store(sim.interleave),
        report: simReport((line) => this.scheduler.note(`${name} ${line}`)),
        logger: silentLogger,
        topics,
      },
      destinations: [
        {
          name: destination,
          policy: simPolicy({ rule: this.rule, maxInFlight: this.maxInFlight, fault: this.fault }),
          sender: this.partner.sender(sim),
          valves: breakerOf(this.seed, sim, (line) => this.scheduler.note(`${name} ${line}`)),
          resolver: this.partner.resolver(sim),
          ...orderingOf(this.ordering),
          render: ({ id }) => ({ ok: true, request: { method: 'POST', path: id, headers: {}, body: null } }),
        },
      ],
      tiers,
      topicPrefix: 's.',
      bounds: simBounds,
      ownerOf: (log, beside) => {
        const planted = plantInLog(log, this.fault, this.log.broker, sim.interleave);
        const own = new PartitionOwner(planted, {
          begin: 'own-topic',
          newIncarnation: () => `i${this.scheduler.random()}`,
          ...(beside && { beside }),
        });
        return plantInOwner(own, this.fault);
      },
    });
    void process.start().then(() => (life.joined = true));
  }

  /** An answer is lost: what was asked stands, and whoever asked does not know. */
  private spoil(call: string): void {
    const { budget, scheduler } = this;
    if (call.startsWith('log.commit.end') && budget.answers > 0 && scheduler.chance(0.1)) {
      budget.answers -= 1;
      scheduler.note('THE ANSWER IS LOST');
      throw new LogError('unknown-end', 'the answer to the commit is lost');
    }
    if (call.startsWith('marks.') && budget.silences > 0 && scheduler.chance(0.05)) {
      budget.silences -= 1;
      scheduler.note('THE ANSWER OF REDIS IS LOST');
      throw new MarksUnavailableError(call, new Error('the answer is lost'));
    }
  }

  private between(): void {
    this.watch();
    for (const home of homes) if (this.log.group(home.group, home.topic).ownerOf(0) === null) return this.assign(home);
    if (this.scheduler.chance(0.05)) this.misfortune();
    if (this.scheduler.chance(this.arrives)) this.arrive();
    for (const { sim } of this.lives) if (sim.state === 'frozen' && this.scheduler.chance(this.wakes)) sim.wake();
    // Nobody may stay frozen while it holds a partition: the group would give it to another in the end.
    for (const home of homes) {
      const owner = this.ownerOf(home);
      if (owner?.sim.state === 'frozen' && this.scheduler.chance(0.05)) this.assign(home, this.scheduler.chance(0.4));
    }
  }

  private misfortune(): void {
    const { budget, scheduler } = this;
    const spend = (what: keyof typeof this.budget): boolean => budget[what] > 0 && budget[what]-- > 0;
    switch (scheduler.pick(['crash', 'takeover', 'takeover', 'loss', 'loss', 'snapshot', 'freeze', 'standing'] as const)) {
      case 'crash': {
        const one = scheduler.pick(this.lives.filter(({ sim, joined }) => joined && sim.state !== 'dead'));
        if (!one || !spend('crashes')) return;
        one.sim.crash();
        return one.view.crash();
      }
      case 'takeover':
        if (spend('takeovers')) this.assign(scheduler.chance(0.8) ? homes[0]! : scheduler.pick(homes), scheduler.chance(0.4));
        return;
      case 'loss':
        return spend('losses') ? this.lose() : undefined;
      case 'snapshot':
        if (spend('snapshots')) this.marks.snapshot();
        return;
      case 'freeze':
        if (spend('freezes')) this.ownerOf(homes[0]!)?.sim.freeze();
        return;
      case 'standing':
        return this.unsettleGroup(spend('standings'));
    }
  }

  private lose(): void {
    const isWiped = this.scheduler.chance(0.4);
    this.scheduler.note(`REDIS LOSS (${isWiped ? 'wiped' : 'back to a snapshot'})`);
    if (isWiped) this.marks.wipe();
    else this.marks.fallBack();
  }

  /** Between two generations of the group nobody may start. */
  private unsettleGroup(isDue: boolean): void {
    const home = homes[0]!;
    const owner = this.ownerOf(home);
    if (!isDue || !owner) return;
    const group = this.log.group(home.group, home.topic);
    group.standing(owner.sim.name, false);
    this.scheduler.note(`${owner.sim.name} may start nothing`);
    const end = this.scheduler.process('group');
    void end.clock.sleep(30).then(() => {
      if (owner.sim.state !== 'dead') group.standing(owner.sim.name, true);
    });
  }

  private ownerOf({ group, topic }: Home): Life | undefined {
    return this.lives.find(({ sim }) => sim.name === this.log.group(group, topic).ownerOf(0));
  }

  /** To a process that does not have it; a fresh one is born when none is left. */
  private assign(home: Home, told = true): void {
    const owner = this.ownerOf(home)?.sim.name ?? null;
    const able = this.lives.filter(({ sim, joined }) => joined && sim.state === 'running' && sim.name !== owner);
    if (able.length === 0) {
      if (!this.lives.some(({ sim, joined }) => !joined && sim.state === 'running')) this.spawn();
      return;
    }
    const next = this.scheduler.pick(able);
    this.scheduler.note(`${home.topic} goes to ${next.sim.name}${owner ? ` from ${owner}${told ? '' : ', who is not told'}` : ''}`);
    this.log.group(home.group, home.topic).moveTo(0, next.sim.name, { told });
  }

  /** Looked at before each step: the settled set never shrinks, and the offset never goes back. */
  private watch(): void {
    this.steps += 1;
    const { group, topic } = homes[0]!;
    const now = this.log.broker.committed(group, topic, 0);
    if (now !== this.committed) {
      this.broken ??= shrunk(this.committed, now);
      this.committed = now;
    }
    const ledger = this.log.broker.partition(topics.ledger, 0);
    const { endOffset } = ledger.bounds();
    if (endOffset === this.ledgerSeen) return;
    for (const { value } of ledger.read(this.ledgerSeen, Infinity).records) {
      const read = this.codec.decodeSync('Fact', value!);
      if (read.ok && isFinal(read.value)) this.finals.set(read.value.delivery ?? '', read.value);
    }
    this.ledgerSeen = endOffset;
  }
}
