import {
  LogError,
  PartitionOwner,
  type LogCluster,
  type Lease,
  type LogRecord,
  type Owner,
  type PartitionLog,
  type PartitionReader,
  type PartitionWork,
} from '#libs/kafka/src/index.js';
import type { DeliverBounds } from './deliver.config.js';
import { deliver } from './deliver.pipeline.js';
import type { DeliverPorts, Destination, SettledReport } from './deliver.ports.js';
import type { Gate } from './gate.js';
import { itemOf, type Item } from './item.js';
import { Lanes } from './lanes.js';
import { MarkWriter } from './mark-writer.js';
import { officeOf, openOrdering, openParked, parkedReader, type OrderedRun, type ParkedOffice } from './open-ordering.js';
import type { Ordering } from './ordering.js';
import type { Parked } from './parked.js';
import { readAtOnce, readPatiently, type ReadDelivery } from './read-delivery.js';
import type { End } from './settlement-records.js';
import { settledOf, unreadableSettled, type SettledScope, type Unreadable } from './settled-of.js';
import { Settler } from './settler.js';
import { Signal } from './signal.js';
import { StandingKeeper } from './standing.js';
import { Way } from './way.js';
import { Window } from './window.js';

export type RunParts = Readonly<{
  destination: Destination;
  /** Shared by the destination's partitions in this process. */
  gate: Gate;
  ports: DeliverPorts;
  bounds: DeliverBounds;
  /** Needed where a route is ordered. */
  cluster: Pick<LogCluster, 'reader' | 'partitions'>;
  /** Whoever has a partition's parked deliveries here, for as long as it has. */
  offices: Set<ParkedOffice>;
  /** Injected by the simulator. */
  ownerOf?: (log: PartitionLog, beside: PartitionReader | null) => Owner;
}>;

/** One destination's work on one partition, from its assignment to its revocation. */
export const deliverWork =
  (parts: RunParts): PartitionWork =>
  (log, lease) =>
    new PartitionRun(log, lease, parts).run();

class PartitionRun {
  private readonly stop = new AbortController();
  private readonly lanes = new Lanes<Item>();
  private readonly settler: Settler;
  private readonly idle = new Signal();
  private readonly room = new Signal();
  private readonly scope: SettledScope;
  /** Positions claimed and not settled yet. */
  private readonly claimed = new Set<number>();
  private window = new Window({ offset: 0, settled: [] });
  private standing: StandingKeeper | null = null;
  private marks: MarkWriter | null = null;
  private ordering: Ordering | null = null;
  private readonly parked: Parked | null;
  private readonly ordered: OrderedRun;
  private active = 0;
  private failure: { error: unknown } | null = null;

  constructor(
    private readonly log: PartitionLog,
    private readonly lease: Lease,
    private readonly parts: RunParts,
  ) {
    const { ports, bounds } = parts;
    this.ordered = {
      ...parts,
      log,
      lanes: this.lanes,
      stop: this.stop.signal,
      read: () => this.window.seenUpTo(),
      track: (task) => this.track(task),
      settle: (end) => this.settleEnd(end),
      settleUnreadable: (record, why, key) => this.settleUnreadable(record, why, key),
    };
    const beside = parkedReader(this.ordered);
    const owner = parts.ownerOf?.(log, beside) ?? new PartitionOwner(log, { begin: 'own-topic', ...(beside && { beside }) });
    this.scope = {
      destination: parts.destination.name,
      codec: ports.codec,
      topics: ports.topics,
      topic: log.topic,
      partition: log.partition,
    };
    this.settler = new Settler({
      owner,
      log,
      window: () => this.window,
      beside: () => this.parked?.window ?? null,
      clock: ports.clock,
      bounds,
      settled: (offsets) => this.onSettled(offsets),
      failed: (error) => this.standing?.unsettled(error),
    });
    this.parked = beside && openParked(this.ordered, beside, () => this.ordering);
  }

  /** Take over → read, deliver and settle side by side → let what is in flight end → settle it → let go. */
  async run(): Promise<void> {
    const { revoked } = this.lease;
    const onRevoked = (): void => this.stop.abort();
    this.stop.signal.addEventListener('abort', () => this.room.fire(), { once: true });
    revoked.addEventListener('abort', onRevoked, { once: true });
    try {
      if (!revoked.aborted) await this.work();
      if (this.failure) throw this.failure.error;
      this.tellWaits(null);
    } catch (error) {
      // The work is begun again while the partition is still here.
      this.tellWaits(revoked.aborted ? null : error);
      throw error;
    } finally {
      revoked.removeEventListener('abort', onRevoked);
    }
  }

  private async work(): Promise<void> {
    // 1 · Mine in Kafka. Redis hears of it next, and nobody claims before that.
    const ownership = await this.settler.acquire();
    this.window = new Window(ownership);
    // Which entities are parked, before anything of theirs can start.
    if (this.parked && ownership.beside) await this.parked.open(ownership.beside);
    const way = this.open(ownership.incarnation);
    // 2 · Read and deliver; settle what ended.
    const settling = this.settler.run();
    const office = this.parked && officeOf(this.ordered, this.parked);
    if (office) this.parts.offices.add(office);
    if (this.parked) this.track(this.parked.run());
    await this.read(ownership.offset, way).catch((error: unknown) => this.fail(error));
    if (office) this.parts.offices.delete(office);
    // 3 · Start nothing more, settle what still ends in time.
    this.parts.gate.dismiss(way);
    await this.drained();
    this.settler.close();
    await settling;
    // What ended here and could not be settled any more, the next owner finds in Redis: this process may end right now.
    await this.marks?.written();
  }

  private open(incarnation: string): Way {
    const { ports, bounds, destination, gate } = this.parts;
    const { topic, partition } = this.log;
    const marks = ports.marks.of({ topic, partition, incarnation });
    const stop = this.stop.signal;
    const { timeoutMs, unknown } = destination.policy;
    const standing = new StandingKeeper({
      books: this.settler,
      marks,
      clock: ports.clock,
      lease: this.lease,
      stop,
      bounds,
      quietMs: timeoutMs + unknown.settleMs,
      claimed: () => this.claimed,
      redisForgot: () => ports.report.redisForgot(destination.name, partition),
      waits: (why) => this.tellWaits(why),
      out: (error) => this.fail(error),
    });
    this.standing = standing;
    this.marks = new MarkWriter({ marks, standing, clock: ports.clock, stop, batchMax: bounds.claimMaxRecords });
    standing.begin();
    const { clock, report } = ports;
    const way = new Way({
      claimed: this.claimed,
      destination,
      clock,
      gate,
      lease: this.lease,
      standing,
      marks: this.marks,
      report,
      stop,
      standingPollMs: bounds.standingPollMs,
      overtakes: (item) => this.ordering?.overtakes(item) ?? null,
      doneCheckMs: bounds.doneCheckMs,
      // Woken when it may read again, not with each of many.
      admitted: () => void (way.hasEnough(bounds) || this.room.fire()),
    });
    this.ordering = openOrdering(this.ordered, way, this.parked);
    return way;
  }

  /** Ends before the partition lets go, or is left behind with it. */
  private track(task: Promise<void>): void {
    this.active++;
    void task
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        this.active--;
        if (this.active === 0) this.idle.fire();
      });
  }

  /** Reading stops by itself while the window is full, and while enough of it waits for a slot: more would only lie in memory. */
  private async read(from: number, way: Way): Promise<void> {
    const { bounds, ports } = this.parts;
    const stop = this.stop.signal;
    let next = from;
    while (!stop.aborted) {
      const { records: held, bytes } = this.window.size();
      const room = Math.min(bounds.windowMaxRecords - held, this.window.offset() + bounds.windowMaxOffsets - next, bounds.readMaxRecords);
      const isEnough = way.hasEnough(bounds) && !this.ordering?.collapses;
      if (room <= 0 || bytes > bounds.windowMaxBytes || isEnough || (this.parked?.size() ?? 0) >= bounds.parkedMaxRecords) {
        if (this.settler.isIdle()) this.ordering?.blocked();
        await this.room.next();
        continue;
      }
      const chunk = await this.log.read(next, { records: room, waitMs: bounds.readWaitMs }, stop).catch(unlessUnavailable);
      if (!chunk) {
        await ports.clock.sleep(bounds.backoffFirstMs, stop);
        continue;
      }
      next = await this.take(chunk.records, chunk.nextOffset, way);
      this.ordering?.passed(next);
    }
  }

  /** Answers where to read on: offsets without data may carry a chunk beyond the window, which then ends before it. */
  private async take(records: readonly LogRecord[], nextOffset: number, way: Way): Promise<number> {
    for (const record of records) {
      if (this.window.isSettled(record.offset)) continue;
      if (record.offset >= this.window.offset() + this.parts.bounds.windowMaxOffsets) {
        this.window.passed(record.offset);
        return record.offset;
      }
      const decoded = readAtOnce(record, this.parts.ports.codec) ?? (await this.decoded(record));
      if (!decoded || this.stop.signal.aborted) return nextOffset;
      this.window.passed(record.offset + 1);
      this.window.see(record.offset, record.value?.length ?? 0);
      if (decoded.ok) this.start(itemOf(record.offset, record.timestampMs, decoded.value), way);
      else this.settleUnreadable(record, decoded);
    }
    this.window.passed(nextOffset);
    return nextOffset;
  }

  /** Waits for a registry that does not answer: what is in flight goes on meanwhile. Null: the partition goes away first. */
  private decoded(record: LogRecord): Promise<ReadDelivery | null> {
    const { ports, bounds } = this.parts;
    const waits = (why: unknown): void => this.tellWaits(why);
    return readPatiently(record, ports.codec, { clock: ports.clock, everyMs: bounds.backoffMaxMs, stop: this.stop.signal, waits });
  }

  private start(item: Item, way: Way): void {
    if (this.ordering && !this.ordering.admit(item)) return;
    if (this.lanes.join(item)) void this.follow(item, way);
  }

  private async follow(head: Item, way: Way): Promise<void> {
    this.active++;
    try {
      for (let item: Item | null = head; item; item = this.lanes.leave(item)) {
        const end = this.ordering ? await this.ordering.deliver(item) : await deliver(item, way);
        if (!end) break;
        const settled = this.ordering?.pause(end);
        this.settleEnd(end);
        if (settled) await settled;
      }
    } catch (error) {
      this.fail(error);
    }
    this.active--;
    if (this.active === 0) this.idle.fire();
  }

  private settleEnd(end: End): void {
    const tell = (told: SettledReport): void => {
      this.ordering?.settled(end);
      this.parts.ports.report.settled(told);
    };
    this.settler.add(settledOf(end, this.scope, tell));
  }

  private settleUnreadable(record: LogRecord, why: Unreadable['why'], key = record.offset): void {
    const { report, clock } = this.parts.ports;
    this.settler.add(unreadableSettled({ record, why, key, atMs: clock.nowMs() }, this.scope, (told) => report.settled(told)));
  }

  private tellWaits(why: unknown): void {
    const text = why === null || typeof why === 'string' ? why : why instanceof Error ? why.message : 'an unknown error';
    this.parts.ports.report.waits(this.parts.destination.name, this.log.partition, text);
  }

  private onSettled(offsets: readonly number[]): void {
    for (const offset of offsets) this.claimed.delete(offset);
    this.marks?.forget(offsets);
    this.room.fire();
  }

  private fail(error: unknown): void {
    this.failure ??= { error };
    this.stop.abort();
  }

  private async drained(): Promise<void> {
    if (this.active === 0) return;
    const inTime = new AbortController();
    await Promise.race([this.idle.next(), this.parts.ports.clock.sleep(this.parts.bounds.drainMaxMs, inTime.signal)]);
    inTime.abort();
  }
}

function unlessUnavailable(error: unknown): null {
  if (error instanceof LogError && error.retryable) return null;
  throw error;
}
