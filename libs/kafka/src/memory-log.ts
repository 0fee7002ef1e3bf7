import { Assignments } from './assignments.js';
import type { Clock } from './clock.port.js';
import { type Interleave, straightThrough } from './interleave.js';
import {
  type Bounds,
  type Chunk,
  type CommitBatch,
  type Committed,
  type LogCluster,
  LogError,
  type LogRecord,
  type PartitionLog,
  type PartitionReader,
  type PartitionWork,
  type RecordSink,
  type RecordSource,
  type SourceStatus,
} from './log.port.js';
import { type Logger, silentLogger } from './logger.port.js';
import { MemoryBroker, type MemoryLimits } from './memory-broker.js';
import { MemoryGroup, type MemoryMember } from './memory-group.js';
import { systemClock } from './system-clock.js';

export type MemoryLogOptions = Readonly<{
  clock?: Clock;
  logger?: Logger;
  limits?: MemoryLimits;
  /** `shared` (default): members share partitions as they join and leave. `by-hand`: only `moveTo` assigns. */
  assignment?: 'shared' | 'by-hand';
}>;

/**
 * Kafka in memory, for tests and the simulator: the same contract as the real adapter. Deterministic: no timers but the clock's,
 * no randomness. A test works on the broker (`broker`, `group`, `trim`), the code under test on a process's view (`process`).
 */
export class MemoryLog {
  readonly broker: MemoryBroker;
  readonly clock: Clock;
  readonly logger: Logger;
  private readonly groups = new Map<string, MemoryGroup>();
  /** Members of groups on topics that do not exist yet. */
  private readonly waiting = new Map<string, (() => void)[]>();

  constructor(private readonly options: MemoryLogOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.logger = options.logger ?? silentLogger;
    this.broker = new MemoryBroker(this.clock, options.limits);
  }

  createTopic(topic: string, partitions = 1): this {
    this.broker.createTopic(topic, partitions);
    const waiting = this.waiting.get(topic) ?? [];
    this.waiting.delete(topic);
    for (const join of waiting) join();
    return this;
  }

  /** One process's view. Every port call awaits `before` ahead of its effect and `after` behind it; what they throw, the call throws. */
  process(interleave: Interleave = straightThrough, name = 'process'): MemoryProcess {
    return new MemoryProcess(this, interleave, name);
  }

  group(group: string, topic: string): MemoryGroup {
    const key = `${group} ${topic}`;
    const partitions = this.broker.partitionsOf(topic)?.length;
    if (partitions === undefined) throw new LogError('missing-topic', `topic ${topic} does not exist`);
    const found = this.groups.get(key) ?? new MemoryGroup(partitions, this.options.assignment ?? 'shared');
    this.groups.set(key, found);
    return found;
  }

  whenCreated(topic: string, join: () => void): void {
    this.waiting.set(topic, [...(this.waiting.get(topic) ?? []), join]);
  }

  trim(topic: string, partition: number, startOffset: number): void {
    this.broker.partition(topic, partition).trim(startOffset);
  }

  /** Every record of a topic that a read-committed reader may see, by partition and offset. */
  records(topic: string): LogRecord[] {
    return (this.broker.partitionsOf(topic) ?? []).flatMap((one) => [...one.read(one.bounds().startOffset, Infinity).records]);
  }
}

/** What one process holds: an adapter of LogCluster. */
export class MemoryProcess implements LogCluster {
  private readonly sources = new Set<MemorySource>();
  private dead = false;

  constructor(
    readonly log: MemoryLog,
    private readonly interleave: Interleave,
    readonly name: string,
  ) {}

  source({ group, topic }: { group: string; topic: string }): RecordSource {
    const source = new MemorySource(this, group, topic);
    this.sources.add(source);
    return source;
  }

  async sink(): Promise<RecordSink> {
    return { append: (records) => this.step('log.append', () => this.log.broker.write(records, null)) };
  }

  reader(topic: string, partition: number): PartitionReader {
    return new MemoryReader(this, topic, partition);
  }

  partitions(topic: string): Promise<number | null> {
    return this.step(`log.partitions ${topic}`, () => this.log.broker.partitionsOf(topic)?.length ?? null);
  }

  committed(group: string, topic: string, partition: number): Promise<Committed | null> {
    return this.step(`log.committed ${topic}/${partition}`, () => this.log.broker.committed(group, topic, partition));
  }

  async close(): Promise<void> {
    await Promise.all([...this.sources].map((source) => source.stop()));
  }

  /** Dies without a word: nothing it had under way comes back, its leases are not revoked, and its groups give its partitions away. */
  crash(): void {
    this.dead = true;
    for (const source of this.sources) source.vanish();
  }

  /** One port call: the simulator's turn, the effect in one go, the simulator's turn again. */
  async step<T>(call: string, effect: () => T): Promise<T> {
    await this.interleave.before(call);
    if (this.dead) return new Promise(() => {});
    const value = effect();
    await this.interleave.after(call);
    return this.dead ? new Promise(() => {}) : value;
  }
}

class MemoryReader implements PartitionReader {
  constructor(
    protected readonly process: MemoryProcess,
    readonly topic: string,
    readonly partition: number,
  ) {}

  async read(fromOffset: number, max: { records: number; waitMs: number }, signal?: AbortSignal): Promise<Chunk> {
    const { broker, clock } = this.process.log;
    const look = (): Chunk => broker.partition(this.topic, this.partition).read(fromOffset, max.records);
    const untilMs = clock.monotonicMs() + max.waitMs;
    for (;;) {
      const chunk = await this.process.step(`log.read ${this.topic}/${this.partition}`, look);
      const restMs = untilMs - clock.monotonicMs();
      if (chunk.nextOffset > fromOffset || restMs <= 0 || signal?.aborted) return chunk;
      const enough = new AbortController();
      const end = (): void => enough.abort();
      // Not AbortSignal.any: Node keeps such a signal alive while it has listeners, and a simulated process may never end its wait.
      signal?.addEventListener('abort', end, { once: true });
      // Looked at again without a step between: an append that came during the simulator's turn is not slept through.
      if (look().nextOffset === fromOffset) {
        await Promise.race([broker.partition(this.topic, this.partition).changed(enough.signal), clock.sleep(restMs, enough.signal)]);
      }
      signal?.removeEventListener('abort', end);
      enough.abort();
    }
  }

  bounds(): Promise<Bounds> {
    return this.process.step(`log.bounds ${this.topic}/${this.partition}`, () =>
      this.process.log.broker.partition(this.topic, this.partition).bounds(),
    );
  }
}

class MemoryPartitionLog extends MemoryReader implements PartitionLog {
  private epoch: number | null = null;
  private readonly transactionalId: string;

  constructor(
    process: MemoryProcess,
    readonly group: string,
    topic: string,
    partition: number,
  ) {
    super(process, topic, partition);
    this.transactionalId = `${group}-${topic}-${partition}`;
  }

  async fence(): Promise<void> {
    this.epoch = null;
    let epoch = -1;
    await this.process.step(this.call('fence'), () => void (epoch = this.process.log.broker.fence(this.transactionalId)));
    this.epoch = epoch;
  }

  committed(beside: string = this.topic): Promise<Committed | null> {
    return this.process.step(this.call('committed'), () => this.process.log.broker.committed(this.group, beside, this.partition));
  }

  async commit({ records, offset, metadata, beside }: CommitBatch): Promise<void> {
    const { epoch, transactionalId, group, topic, partition } = this;
    if (epoch === null) throw new RangeError(`${transactionalId}: fence before the first commit and after any failed one`);
    const { broker } = this.process.log;
    this.epoch = null;
    try {
      await this.process.step(this.call('commit.write'), () => broker.write(records, broker.begin(transactionalId, epoch)));
      const offsets = [{ group, topic, partition, offset, metadata }, ...(beside ? [{ group, partition, ...beside }] : [])];
      await this.process.step(this.call('commit.end'), () => broker.end(transactionalId, epoch, 'committed', offsets));
      this.epoch = epoch;
    } catch (error) {
      if (error instanceof LogError && error.code === 'too-large') {
        broker.end(transactionalId, epoch, 'aborted');
        this.epoch = epoch;
      }
      throw error;
    }
  }

  private call(name: string): string {
    return `log.${name} ${this.topic}/${this.partition}`;
  }
}

class MemorySource implements RecordSource, MemoryMember {
  readonly process: string;
  private assignments: Assignments | null = null;
  private mayStart = true;
  private missingTopic = false;

  constructor(
    private readonly view: MemoryProcess,
    private readonly group: string,
    private readonly topic: string,
  ) {
    this.process = view.name;
  }

  async start(work: PartitionWork): Promise<void> {
    const { clock, logger } = this.view.log;
    const { group, topic } = this;
    const open = (partition: number) => ({ log: new MemoryPartitionLog(this.view, group, topic, partition), close: () => {} });
    this.assignments = new Assignments({ work, open, mayStart: () => this.mayStart, clock, logger, name: { group, topic } });
    await this.view.step(`log.join ${group}`, () => this.join());
  }

  private join(): void {
    const { group, topic } = this;
    this.missingTopic = this.view.log.broker.partitionsOf(topic) === null;
    if (this.missingTopic) this.view.log.whenCreated(topic, () => this.assignments && this.join());
    else this.view.log.group(group, topic).join(this);
  }

  async stop(): Promise<void> {
    if (!this.assignments) return;
    await this.assignments.stop(stopMaxMs);
    if (!this.missingTopic) this.view.log.group(this.group, this.topic).leave(this);
    this.assignments = null;
  }

  vanish(): void {
    if (this.assignments && !this.missingTopic) this.view.log.group(this.group, this.topic).leave(this, { told: false });
  }

  status(): SourceStatus {
    const { group, topic } = this;
    return {
      group,
      topic,
      joined: this.assignments !== null && !this.missingTopic,
      partitions: this.assignments?.partitions() ?? [],
      lastHeartbeatMs: null,
      missingTopic: this.missingTopic,
      stuck: [],
    };
  }

  assigned(partition: number): void {
    this.assignments?.assign(partition);
  }
  revoked(partition: number): void {
    this.assignments?.revoke(partition);
  }
  standing(mayStart: boolean): void {
    this.mayStart = mayStart;
  }
}

const stopMaxMs = 10_000;
