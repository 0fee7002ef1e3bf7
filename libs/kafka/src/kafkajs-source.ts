import { Assignments } from './assignments.js';
import { Membership } from './kafkajs-membership.js';
import { KafkajsPartitionLog } from './kafkajs-partition-log.js';
import type { ReaderContext } from './kafkajs-reader.js';
import type { Wire } from './kafkajs-wire.js';
import type { PartitionWork, RecordSource, SourceStatus } from './log.port.js';

/** One group member on one topic over kafkajs: a membership, the works it leads to, and a watch over partitions that do not move. */
export class KafkajsSource implements RecordSource {
  private membership: Membership | null = null;
  private assignments: Assignments | null = null;
  private readonly logs = new Map<number, KafkajsPartitionLog>();
  private stuck: readonly number[] = [];
  private readonly stopping = new AbortController();

  constructor(
    private readonly context: ReaderContext,
    private readonly transactionWire: () => Wire,
    private readonly name: Readonly<{ group: string; topic: string; beside?: string }>,
  ) {}

  async start(work: PartitionWork): Promise<void> {
    if (this.membership) throw new RangeError(`${this.name.group}: started already`);
    const { clock, logger } = this.context;
    const membership = new Membership(this.context, this.name, (partitions) => assignments.set(partitions));
    const assignments = new Assignments({
      work,
      open: (partition) => this.open(partition),
      mayStart: () => membership.mayStart(),
      clock,
      logger,
      name: this.name,
    });
    this.membership = membership;
    this.assignments = assignments;
    membership.start();
    this.watch().catch((error: unknown) => logger.error({ ...this.name, err: error }, 'the watch over partitions ended'));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.assignments?.stop(this.context.tuning.stopMaxMs);
    await this.membership?.stop();
  }

  status(): SourceStatus {
    const { membership, assignments } = this;
    return {
      ...this.name,
      joined: membership?.joined ?? false,
      partitions: assignments?.partitions() ?? [],
      lastHeartbeatMs: membership?.lastHeartbeatMs ?? null,
      missingTopic: membership?.missingTopic ?? false,
      stuck: this.stuck,
    };
  }

  private open(partition: number) {
    const log = new KafkajsPartitionLog(this.context, this.transactionWire(), this.name.group, this.name.topic, partition);
    this.logs.set(partition, log);
    return { log, close: () => void (this.logs.get(partition) === log && this.logs.delete(partition)) };
  }

  private async watch(): Promise<void> {
    const { clock, tuning, logger } = this.context;
    while (!this.stopping.signal.aborted) {
      await clock.sleep(tuning.stuckAfterMs / 4, this.stopping.signal);
      const found: number[] = [];
      for (const [partition, log] of this.logs) if (await this.isStuck(log)) found.push(partition);
      const fresh = found.filter((partition) => !this.stuck.includes(partition));
      if (fresh.length > 0)
        logger.warn({ ...this.name, partitions: fresh, afterMs: tuning.stuckAfterMs }, 'assigned partitions have records and do not move');
      this.stuck = found;
    }
  }

  private async isStuck(log: KafkajsPartitionLog): Promise<boolean> {
    const progress = log.progress();
    if (!progress || this.context.clock.monotonicMs() - progress.progressedAtMs < this.context.tuning.stuckAfterMs) return false;
    const bounds = await log.bounds().catch(() => null); // Kafka is away: that is not the partition's fault.
    return bounds !== null && bounds.endOffset > progress.readOffset;
  }
}
