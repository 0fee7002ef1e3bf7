import { decideSuperseded, NO_DOUBTS, type Rank, type Rival } from '#libs/delivery/src/index.js';
import { LogError, type LogCluster } from '#libs/kafka/src/index.js';
import { deliver } from './deliver.pipeline.js';
import type { DeliverBounds } from './deliver.config.js';
import type { DeliverPorts, Destination, DestinationOrdering } from './deliver.ports.js';
import type { Item } from './item.js';
import type { Lanes } from './lanes.js';
import { LookAhead } from './look-ahead.js';
import { readNewest, rankOf } from './newest-reader.js';
import { Newest } from './newest.js';
import { NaturalBatch } from './natural-batch.js';
import type { Parked } from './parked.js';
import type { End } from './settlement-records.js';
import { drop, dropNow } from './supersede.js';
import type { Way } from './way.js';

export type OrderingParts = Readonly<{
  rules: DestinationOrdering;
  destination: Destination;
  partition: number;
  ports: DeliverPorts;
  bounds: DeliverBounds;
  cluster: Pick<LogCluster, 'reader' | 'partitions'>;
  lanes: Lanes<Item>;
  way: Way;
  stop: AbortSignal;
  /** Null: no route here is strict. */
  parked: Parked | null;
  /** Where the partition ends now, and how far it has been read. */
  endOffset(): Promise<number>;
  read(): number;
  /** Something that must end before the partition lets go; what it throws is told. */
  track(task: Promise<void>): void;
  settle(end: End): void;
}>;

/** What a route's ordering asks of one partition's deliveries; not there for a destination whose routes are all unordered. */
export class Ordering {
  /** Reading ahead is worth while. */
  collapses = false;
  private readonly newest: Newest;
  private readonly ahead: LookAhead;
  private readonly past: NaturalBatch<Item, Rank | null>;
  /** By entity: until then a request of a delivery that has left may still land. */
  private readonly quiet = new Map<string, number>();
  /** By key: what goes on when its end is settled. */
  private readonly paused = new Map<number, () => void>();
  private readonly probing = new Map<string, Promise<unknown>>();

  constructor(private readonly parts: OrderingParts) {
    const { bounds, ports, stop } = parts;
    this.newest = new Newest(bounds.awayMaxEntities);
    this.ahead = new LookAhead({ clock: ports.clock, stop, endOffset: () => parts.endOffset(), waitMaxMs: bounds.lookAheadMaxMs });
    this.past = new NaturalBatch((items) => this.readPast(items), bounds.windowMaxRecords);
  }

  passed(next: number): void {
    this.ahead.passed(next);
  }

  /** Reading stands still until something is delivered. */
  blocked(): void {
    this.ahead.release();
  }

  /** A delivery was read. False: it has ended already, and joins no lane. */
  admit(item: Item): boolean {
    const { delivery, entity } = item;
    const { lanes, parked, rules } = this.parts;
    if (delivery.ordering === 'strict') {
      if (!parked?.has(entity) || lanes.of(entity).length > 0) return true;
      this.parts.settle(parked.behind(item));
      return false;
    }
    if (delivery.ordering !== 'latest-wins') return true;
    this.collapses = true;
    item.rank = rankOf(delivery);
    const inbox = isNew(item) ? rules.inboxOf(delivery.event) : null;
    if (inbox) {
      this.newest.left(entity, delivery.id, { rank: item.rank, inbox: true });
      this.parts.settle({ kind: 'delayed', item, atMs: this.parts.ports.clock.nowMs(), class: 'coalesced', tier: inbox, spends: false, ...NO_DOUBTS }); // prettier-ignore
      return false;
    }
    const by = decideSuperseded(item.rank, inLane(lanes, item));
    if (by) this.drop(item, by);
    else for (const one of lanes.takeOut(entity, (older) => isOvertaken(older, item.rank!))) this.drop(one, item.rank);
    return by === null;
  }

  /** The head of a lane, to its end. Null: the partition goes away first. */
  async deliver(item: Item): Promise<End | null> {
    const { way, parked } = this.parts;
    const { entity, delivery } = item;
    if (delivery.ordering === 'unordered') return deliver(item, way);
    if (delivery.ordering === 'strict' && parked?.has(entity)) return parked.behind(item);
    if (item.rank) {
      await this.ahead.caughtUp();
      if (!(await this.known(item))) return null;
      for (let probe = this.probing.get(entity); probe; probe = this.probing.get(entity)) await probe;
    }
    if (!(await this.untilQuiet(entity))) return null;
    const end = await deliver(item, way);
    return end && this.after(end);
  }

  /** The same for one whose record stands in the parked topic: its turn among its own is kept there. */
  async deliverParked(item: Item): Promise<End | null> {
    if (!(await this.untilQuiet(item.entity))) return null;
    const end = await deliver(item, this.parts.way);
    if (end) this.keepQuiet(end);
    return end;
  }

  /**
   * What left as a dead letter and is not settled may be decided otherwise by the next owner, and under `resend` what was delivered
   * may go out once more: the next of a strict entity waits for such a settlement.
   */
  pause(end: End): Promise<void> | null {
    const { item } = end;
    const { destination, stop } = this.parts;
    if (item.delivery.ordering !== 'strict' || end.kind === 'parked') return null;
    if (end.kind === 'delivered' && destination.policy.resolve !== 'resend') return null;
    return new Promise((resolve) => {
      const done = (): void => {
        stop.removeEventListener('abort', done);
        this.paused.delete(item.offset);
        resolve();
      };
      stop.addEventListener('abort', done, { once: true });
      this.paused.set(item.offset, done);
    });
  }

  settled({ item }: End): void {
    this.paused.get(item.offset)?.();
    this.parts.parked?.settled();
  }

  /** Asked with a slot in hand, immediately before a claim: by whom it is overtaken. */
  overtakes(item: Item): Rank | null {
    if (!item.rank) return null;
    const { delivery, entity, rank } = item;
    const isFresh = delivery.attempt === 0 && delivery.hop === 1 && this.parts.rules.inboxOf(delivery.event) !== null;
    return decideSuperseded(rank, [...inLane(this.parts.lanes, item), ...this.newest.rivals(entity, delivery.id, isFresh ? rank : null)]);
  }

  /** What an end means for the others of its entity. */
  private after(end: End): End {
    const { item } = end;
    const { entity, delivery, rank } = item;
    const { parked, rules } = this.parts;
    this.keepQuiet(end);
    if (!rank) return parked && delivery.ordering === 'strict' ? parked.after(end, rules.continuesAfter(delivery.event)) : end;
    if (end.kind === 'delayed') this.newest.left(entity, delivery.id, { rank, inbox: false });
    else this.newest.ended(entity, delivery.id, mayStand(end) ? rank : null);
    return end;
  }

  private async untilQuiet(entity: string): Promise<boolean> {
    const { way, ports } = this.parts;
    const quietAtMs = this.quiet.get(entity);
    return quietAtMs === undefined || quietAtMs <= ports.clock.nowMs() || way.waitUntil(quietAtMs);
  }

  private keepQuiet(end: End): void {
    const atMs = Math.max('quietAtMs' in end ? (end.quietAtMs ?? 0) : 0, end.item.doubt?.quietAtMs ?? 0);
    const nowMs = this.parts.ports.clock.nowMs();
    if (end.kind === 'delivered' || atMs <= nowMs) return;
    if (this.quiet.size > quietSweepAt) for (const [entity, untilMs] of this.quiet) if (untilMs <= nowMs) this.quiet.delete(entity);
    this.quiet.set(end.item.entity, Math.max(atMs, this.quiet.get(end.item.entity) ?? 0));
  }

  /** Overtaken before its turn. Where an owner before may have started it, Redis is asked first: what was delivered is told as such. */
  private drop(item: Item, by: Rank): void {
    const { way, settle, track } = this.parts;
    const at = dropNow(item, by, way);
    if (at) return settle(this.after(at));
    const probe = drop(item, by, way).then((end) => end && settle(this.after(end)));
    const all = Promise.all([this.probing.get(item.entity), probe]).finally(() => {
      if (this.probing.get(item.entity) === all) this.probing.delete(item.entity);
    });
    all.catch(() => {}); // Told by `track`.
    this.probing.set(item.entity, all);
    track(probe.then(() => {}));
  }

  /** A delivery that comes back to an owner who did not see it leave: the log says what became of its entity meanwhile. */
  private async known(item: Item): Promise<boolean> {
    const { delivery, entity, rank } = item;
    const isBack = delivery.hop > 0 || delivery.operation !== null;
    if (!isBack || this.newest.knows(entity, delivery.id)) return true;
    const best = await this.past.add(item);
    this.newest.left(entity, delivery.id, { rank: rank!, inbox: false }, best);
    return !this.parts.stop.aborted;
  }

  private async readPast(items: readonly Item[]): Promise<readonly (Rank | null)[]> {
    const { ports, cluster, destination, partition, bounds, stop } = this.parts;
    const { codec, topics, clock } = ports;
    const question = {
      entities: new Set(items.map(({ entity }) => entity)),
      except: new Set(items.map(({ delivery }) => delivery.id)),
      sinceMs: Math.min(...items.map(({ delivery }) => delivery.event.receivedat)),
      before: this.parts.read(),
    };
    while (!stop.aborted) {
      try {
        const newest = await readNewest({ cluster, codec, topics, destination: destination.name, partition }, question);
        return items.map(({ entity }) => newest.get(entity) ?? null);
      } catch (error) {
        if (!(error instanceof LogError) && !(error instanceof Error && 'retryable' in error && error.retryable === true)) throw error;
        await clock.sleep(bounds.backoffMaxMs, stop);
      }
    }
    return items.map(() => null);
  }
}

const quietSweepAt = 1_000;
const isNew = ({ delivery }: Item): boolean => delivery.hop === 0 && delivery.operation === null;
const isOvertaken = (older: Item, by: Rank): boolean =>
  older.rank !== null && decideSuperseded(older.rank, [{ rank: by, state: 'pending' }]) !== null;
/** The partner has it, or perhaps has it. */
const mayStand = (end: End): boolean =>
  end.kind === 'delivered' || ('doubtful' in end && (end.doubtful || end.maybeTwice || end.item.leastDoneAs === 'maybe-twice'));

const inLane = (lanes: Lanes<Item>, { entity, delivery }: Item): Rival[] =>
  lanes
    .of(entity)
    .flatMap((other) => (other.rank && other.delivery.id !== delivery.id ? [{ rank: other.rank, state: 'pending' as const }] : []));
