import type { Doubts } from '#libs/delivery/src/index.js';
import type { LogRecord, PartitionReader, Progress } from '#libs/kafka/src/index.js';
import { LogError } from '#libs/kafka/src/index.js';
import { besideKey } from './beside-key.js';
import { decideParked } from './decide-parked.js';
import type { DeliverBounds } from './deliver.config.js';
import type { DeliverPorts, ParkedWord } from './deliver.ports.js';
import { itemOf, type Item } from './item.js';
import { ParkedIndex, parsePark, type Park, type ParkedEntry, type ParkedWait } from './parked-index.js';
import { readDelivery } from './read-delivery.js';
import type { End } from './settlement-records.js';
import { Signal } from './signal.js';
import { Window } from './window.js';

export type ParkedParts = Readonly<{
  /** Two readers of one partition of the parked topic: one follows its end, the other goes where a head stands. */
  tail: PartitionReader;
  heads: PartitionReader;
  ports: DeliverPorts;
  bounds: DeliverBounds;
  stop: AbortSignal;
  /** A parked delivery's turn, to its end. Null: the partition goes away first. */
  deliver(item: Item): Promise<End | null>;
  continuesAfter(item: Item): boolean;
  settle(end: End): void;
  settleUnreadable(record: LogRecord, why: Readonly<{ code: string; message: string }>): void;
  /** Waits until an end is settled, where the next may not go before. */
  pause(end: End): Promise<void> | null;
  track(task: Promise<void>): void;
}>;

/**
 * The strict entities of one partition that wait in `hf.parked.<destination>` (rule 23). Whoever owns the partition of the deliveries
 * reads the same partition of the parked topic, and settles both in one transaction.
 *
 * A delivery stands there in one unsettled record; each failed attempt writes it anew behind the others and settles the old one, so
 * the order of an entity is the number in the record, never its offset. Only the owner writes here, so the end is read only when
 * something was written.
 */
export class Parked {
  private readonly index = new ParkedIndex();
  private readonly tended = new Set<string>();
  private readonly written = new Signal();
  private readonly sleepers = new Map<string, AbortController>();
  private next = 0;
  private atWork = 0;
  private readonly workEnded = new Signal();
  private isMoving = false;
  /** The log was read to its end: before, an earlier one of an entity may stand behind a later one. */
  private isFolded = false;
  window = new Window({ offset: 0, settled: [] });

  constructor(private readonly parts: ParkedParts) {
    const woken = (): void => {
      this.written.fire();
      this.workEnded.fire();
    };
    parts.stop.addEventListener('abort', woken, { once: true });
  }

  /** Which entities are parked, from the log; before anything strict starts. */
  async open(progress: Progress): Promise<void> {
    this.window = new Window(progress);
    this.next = progress.offset;
    const { endOffset } = await this.parts.tail.bounds();
    while (this.next < endOffset && !this.parts.stop.aborted) await this.readOn(this.parts.bounds.backoffMaxMs);
  }

  /** Until the partition goes away. */
  async run(): Promise<void> {
    this.isFolded = true;
    for (const entity of this.index.entities()) this.tend(entity);
    const { stop, bounds } = this.parts;
    while (!stop.aborted) {
      if (this.index.coming() === 0) await this.written.next();
      else await this.readOn(bounds.readWaitMs);
      this.moveUp();
    }
  }

  has(entity: string): boolean {
    return this.index.has(entity);
  }

  size(): number {
    return this.index.size();
  }

  /** An end of this partition stands in Kafka. */
  settled(): void {
    if (this.index.coming() > 0) this.written.fire();
  }

  /** A later delivery of a parked entity joins it. */
  behind(item: Item): End {
    return this.park(item, { wait: { kind: 'behind' }, reason: 'parked behind an earlier event of its entity', class: 'parked' });
  }

  /** What the end of a turn means for a strict delivery. */
  after(end: End, continues: boolean): End {
    switch (decideParked(end.kind, continues)) {
      case 'leave':
      case 'as-it-is':
        return end;
      case 'park-until-due': {
        if (end.kind !== 'delayed') return end;
        const reason = `parked for its next attempt in ${end.tier.name}`;
        return this.park(end.item, { wait: { kind: 'due', delayMs: end.tier.delayMs }, reason, class: end.class }, end);
      }
      case 'park-stopped': {
        if (end.kind !== 'dead-lettered' && end.kind !== 'held') return end;
        const reason = `parked until an operator decides: ${end.reason}`;
        return this.park(end.item, { wait: { kind: 'stopped' }, reason, class: end.class }, end);
      }
    }
  }

  /** An operator's word on the head of a parked entity. */
  async resolve(word: ParkedWord): Promise<'resolved' | 'not-here' | 'busy'> {
    const found = this.index.find((entry) => entry.delivery === word.delivery);
    if (!found) return 'not-here';
    const { entity, entry } = found;
    const head = this.index.head(entity);
    if (head !== entry) return 'busy';
    const item = await this.load(entity, entry);
    if (!item || this.index.head(entity) !== entry || !this.isIdle(entity)) return 'busy';
    const atMs = this.parts.ports.clock.nowMs();
    if (word.as === 'resend') {
      const again = this.park(item, { wait: { kind: 'due', delayMs: 0 }, reason: word.reason, class: 'requeued' });
      this.parts.settle({ ...again, requeued: word.by });
    } else {
      this.index.done(entity, entry.order);
      this.parts.settle({ kind: 'resolved', item, atMs, class: word.as, as: word.as, by: word.by, reason: word.reason });
    }
    this.sleepers.get(entity)?.abort();
    this.tend(entity);
    return 'resolved';
  }

  private park(
    item: Item,
    how: Readonly<{ wait: ParkedWait; reason: string; class: string }>,
    from: Doubts & Readonly<{ spends: boolean }> = { spends: false, ...doubtsOf(item) },
  ): Extract<End, { kind: 'parked' }> {
    const atMs = this.parts.ports.clock.nowMs();
    const park: Park = { order: item.park?.order ?? item.offset, sinceMs: item.park?.sinceMs ?? atMs, wait: how.wait };
    this.index.expect(item.entity, park.order);
    const { spends, doubtful, quietAtMs, doubtSinceMs, maybeTwice } = from;
    return {
      kind: 'parked',
      item,
      atMs,
      class: how.class,
      reason: how.reason,
      park,
      spends,
      doubtful,
      quietAtMs,
      doubtSinceMs,
      maybeTwice,
      requeued: null,
    };
  }

  private async readOn(waitMs: number): Promise<void> {
    const { tail, bounds, stop, ports } = this.parts;
    try {
      const chunk = await tail.read(this.next, { records: bounds.readMaxRecords, waitMs }, stop);
      for (const record of chunk.records) this.see(record);
      this.next = chunk.nextOffset;
      this.window.passed(this.next);
    } catch (error) {
      if (!(error instanceof LogError && error.retryable)) throw error;
      await ports.clock.sleep(bounds.backoffFirstMs, stop);
    }
  }

  private see(record: LogRecord): void {
    if (this.window.isSettled(record.offset)) return;
    this.window.passed(record.offset + 1);
    this.window.see(record.offset, 0);
    const park = parsePark(record.headers['hf-parked']?.toString() ?? '');
    if (!park || !record.key)
      return this.parts.settleUnreadable(record, { code: 'not-parked', message: 'it does not say how it is parked' });
    const entity = record.key.toString();
    const delivery = record.headers['hf-delivery']?.toString() ?? '';
    this.index.see(entity, { ...park, offset: record.offset, appendedAtMs: record.timestampMs, delivery });
    this.tend(entity);
  }

  /** One at a time looks after an entity, while it has a head that is not stopped. */
  private tend(entity: string): void {
    if (!this.isFolded || this.tended.has(entity) || this.parts.stop.aborted) return;
    const head = this.index.head(entity);
    if (!head || head.wait.kind === 'stopped') return;
    this.tended.add(entity);
    this.parts.track(
      this.serve(entity).finally(() => {
        this.tended.delete(entity);
        this.tend(entity);
      }),
    );
  }

  private async serve(entity: string): Promise<void> {
    const { ports, stop, bounds } = this.parts;
    for (let head = this.index.head(entity); head && !stop.aborted; head = this.index.head(entity)) {
      if (head.wait.kind === 'stopped') return;
      const dueAtMs = head.wait.kind === 'due' ? head.appendedAtMs + head.wait.delayMs : 0;
      while (ports.clock.nowMs() < dueAtMs && !stop.aborted) if (await this.sleep(entity, dueAtMs)) break;
      if (stop.aborted || this.index.head(entity) !== head) continue;
      // Those who wait for a slot hold their bodies in memory.
      while (this.atWork >= bounds.slotWaitersMax && !stop.aborted) await this.workEnded.next();
      this.atWork++;
      const goesOn = await this.turn(entity, head).finally(() => {
        this.atWork--;
        this.workEnded.fire();
      });
      if (!goesOn) return;
    }
  }

  private async turn(entity: string, head: ParkedEntry): Promise<boolean> {
    const item = await this.load(entity, head);
    if (!item) return true;
    const end = await this.parts.deliver(item);
    if (!end) return false;
    const is = this.after(end, this.parts.continuesAfter(item));
    const settled = is.kind === 'parked' ? null : this.parts.pause(is);
    this.parts.settle(is);
    await settled;
    if (is.kind !== 'parked') this.index.done(entity, head.order);
    return true;
  }

  /** True: an operator's word came first. */
  private async sleep(entity: string, untilMs: number): Promise<boolean> {
    const { clock } = this.parts.ports;
    const wake = new AbortController();
    const stopped = (): void => wake.abort();
    this.parts.stop.addEventListener('abort', stopped, { once: true });
    this.sleepers.set(entity, wake);
    await clock.sleep(untilMs - clock.nowMs(), wake.signal);
    this.parts.stop.removeEventListener('abort', stopped);
    this.sleepers.delete(entity);
    return wake.signal.aborted;
  }

  /** Its head is not under way: it sleeps, or is stopped. */
  private isIdle(entity: string): boolean {
    return !this.tended.has(entity) || this.sleepers.has(entity);
  }

  private async load(entity: string, entry: ParkedEntry): Promise<Item | null> {
    const { heads, ports, bounds, stop } = this.parts;
    while (!stop.aborted) {
      try {
        const [record] = (await heads.read(entry.offset, { records: 1, waitMs: bounds.readWaitMs }, stop)).records;
        if (record?.offset !== entry.offset) throw new LogError('unavailable', `the parked record at ${entry.offset} was not read`);
        const decoded = await readDelivery(record, ports.codec);
        if (!decoded.ok) {
          this.index.done(entity, entry.order);
          this.parts.settleUnreadable(record, decoded);
          return null;
        }
        const { order, sinceMs, wait } = entry;
        return { ...itemOf(besideKey(entry.offset), entry.appendedAtMs, decoded.value), park: { order, sinceMs, wait } };
      } catch (error) {
        if (!(error instanceof Error && 'retryable' in error && error.retryable === true)) throw error;
        await ports.clock.sleep(bounds.backoffMaxMs, stop);
      }
    }
    return null;
  }

  /**
   * What waits long is written anew before its distance to the newest outgrows what a commit can carry. Written anew one by one, each
   * takes an offset and its transaction's marker: where all of them would still stand as far apart, it would go on for ever.
   */
  private moveUp(): void {
    const { bounds, track, settle, ports } = this.parts;
    const oldest = this.window.offset();
    const { windowMaxOffsets } = bounds;
    if (this.next - oldest < Math.max(windowMaxOffsets / 2, 2 * this.size() + windowMaxOffsets / 8)) return;
    const found = this.index.find(({ offset }) => offset === oldest);
    if (!found || this.isMoving) return;
    const { entity, entry } = found;
    const moving = async (): Promise<void> => {
      const item = await this.load(entity, entry);
      if (!item || (this.index.head(entity) === entry && !this.isIdle(entity))) return;
      const { wait } = entry;
      const restMs = wait.kind === 'due' ? Math.max(0, entry.appendedAtMs + wait.delayMs - ports.clock.nowMs()) : 0;
      const still: ParkedWait = wait.kind === 'due' ? { kind: 'due', delayMs: restMs } : wait;
      settle(this.park(item, { wait: still, reason: item.delivery.reason ?? 'parked still', class: item.delivery.class ?? 'parked' }));
    };
    this.isMoving = true;
    track(moving().finally(() => void (this.isMoving = false)));
  }
}

const doubtsOf = ({ delivery }: Item): Doubts => ({
  doubtful: delivery.doubtful,
  quietAtMs: delivery.quietat,
  doubtSinceMs: delivery.doubtsince,
  maybeTwice: delivery.maybetwice,
});
