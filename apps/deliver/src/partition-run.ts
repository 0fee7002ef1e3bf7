import {
  LogError,
  PartitionOwner,
  type Lease,
  type LogRecord,
  type Owner,
  type PartitionLog,
  type PartitionWork,
} from '#libs/kafka/src/index.js';
import { formatPosition } from '#libs/domain/src/index.js';
import type { DeliverBounds } from './deliver.config.js';
import { deliver } from './deliver.pipeline.js';
import type { DeliverPorts, Destination } from './deliver.ports.js';
import type { Gate } from './gate.js';
import { itemOf, type Item } from './item.js';
import { Lanes } from './lanes.js';
import { MarkWriter } from './mark-writer.js';
import { readAtOnce, readDelivery, type ReadDelivery } from './read-delivery.js';
import { digestOf, endKindOf, recordsOf, unreadableRecords, type End, type RecordScope } from './settlement-records.js';
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
  /** Injected by the simulator. */
  ownerOf?: (log: PartitionLog) => Owner;
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
  private readonly scope: RecordScope;
  /** Positions claimed and not settled yet. */
  private readonly claimed = new Set<number>();
  private window = new Window({ offset: 0, settled: [] });
  private standing: StandingKeeper | null = null;
  private marks: MarkWriter | null = null;
  private active = 0;
  private failure: { error: unknown } | null = null;

  constructor(
    private readonly log: PartitionLog,
    private readonly lease: Lease,
    private readonly parts: RunParts,
  ) {
    const { ports, bounds } = parts;
    const owner = parts.ownerOf?.(log) ?? new PartitionOwner(log, { begin: 'own-topic' });
    this.scope = { codec: ports.codec, topics: ports.topics, topic: log.topic, partition: log.partition };
    this.settler = new Settler({
      owner,
      log,
      window: () => this.window,
      clock: ports.clock,
      bounds,
      settled: (offsets) => this.onSettled(offsets),
      failed: (error) => this.standing?.unsettled(error),
    });
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
    const way = this.open(ownership.incarnation);
    // 2 · Read and deliver; settle what ended.
    const settling = this.settler.run();
    await this.read(ownership.offset, way).catch((error: unknown) => this.fail(error));
    // 3 · Start nothing more, settle what still ends in time.
    this.parts.gate.dismiss(way);
    await this.drained();
    this.settler.close();
    await settling;
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
    return new Way({
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
      // Woken when it may read again, not with each of many.
      admitted: (waiting) => void (waiting < this.parts.bounds.slotWaitersMax && this.room.fire()),
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
      if (room <= 0 || bytes > bounds.windowMaxBytes || way.waiting >= bounds.slotWaitersMax) {
        await this.room.next();
        continue;
      }
      const chunk = await this.log.read(next, { records: room, waitMs: bounds.readWaitMs }, stop).catch(unlessUnavailable);
      if (!chunk) {
        await ports.clock.sleep(bounds.backoffFirstMs, stop);
        continue;
      }
      next = await this.take(chunk.records, chunk.nextOffset, way);
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
  private async decoded(record: LogRecord): Promise<ReadDelivery | null> {
    const { ports, bounds } = this.parts;
    for (let waits = false; !this.stop.signal.aborted; waits = true) {
      try {
        const decoded = await readDelivery(record, ports.codec);
        if (waits) this.tellWaits(null);
        return decoded;
      } catch (error) {
        if (!(error instanceof Error && 'retryable' in error && error.retryable === true)) throw error;
        this.tellWaits(error);
        await ports.clock.sleep(bounds.backoffMaxMs, this.stop.signal);
      }
    }
    return null;
  }

  private start(item: Item, way: Way): void {
    if (this.lanes.join(item)) void this.follow(item, way);
  }

  private async follow(head: Item, way: Way): Promise<void> {
    this.active++;
    try {
      for (let item: Item | null = head; item; item = this.lanes.leave(item)) {
        const end = await deliver(item, way);
        if (!end) break;
        this.settleEnd(end);
      }
    } catch (error) {
      this.fail(error);
    }
    this.active--;
    if (this.active === 0) this.idle.fire();
  }

  private settleEnd(end: End): void {
    const { offset, delivery, entries } = end.item;
    const records = recordsOf(end, this.scope);
    const bytes = records.reduce((sum, record) => sum + (record.value?.length ?? 0), 0);
    const told = () =>
      this.parts.ports.report.settled({
        destination: this.parts.destination.name,
        kind: endKindOf(end),
        position: formatPosition({ topic: this.log.topic, partition: this.log.partition, offset }),
        delivery,
        last: entries.at(-1) ?? null,
        atMs: end.atMs,
        tier: end.kind === 'delayed' ? end.tier.name : null,
        reason: end.kind === 'dead-lettered' || end.kind === 'held' ? end.reason : null,
      });
    this.settler.add({ offset, records, bytes, digest: () => digestOf(end, this.scope), told });
  }

  private settleUnreadable(record: LogRecord, why: Readonly<{ code: string; message: string }>): void {
    const records = unreadableRecords(record, why, this.scope);
    const empty = { ...record, value: null, headers: record.headers };
    const digest = () => unreadableRecords(empty, { ...why, message: `${why.message}; too large to keep` }, this.scope);
    const { destination, ports } = this.parts;
    const blank = { delivery: null, last: null, atMs: ports.clock.nowMs(), tier: null };
    const told = () =>
      ports.report.settled({
        destination: destination.name,
        kind: 'unreadable',
        position: formatPosition(record),
        ...blank,
        reason: why.message,
      });
    this.settler.add({ offset: record.offset, records, bytes: record.value?.length ?? 0, digest, told });
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
