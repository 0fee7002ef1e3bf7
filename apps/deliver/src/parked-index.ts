/** What a parked record says of itself beside its delivery (header `hf-parked`). */
export type Park = Readonly<{
  /** Its entity's order: the offset in the destination's topic that it was parked from, kept over every attempt. */
  order: number;
  /** When it was parked first, ms since the epoch. */
  sinceMs: number;
  wait: ParkedWait;
}>;

/** `due`: so long after its append. `behind`: when it is the head. `stopped`: until an operator says what becomes of it. */
export type ParkedWait = Readonly<{ kind: 'due'; delayMs: number }> | Readonly<{ kind: 'behind' }> | Readonly<{ kind: 'stopped' }>;

export type ParkedEntry = Park & Readonly<{ offset: number; appendedAtMs: number; delivery: string }>;

type Lane = { queue: ParkedEntry[]; readonly coming: Set<number> };

/**
 * Which entities of one partition are parked, and in what order their deliveries go out. Pure bookkeeping over the unsettled records of
 * the parked topic: refolded from there on assignment.
 *
 * | state of a delivery | entered by                          | left by                                   |
 * | ------------------- | ----------------------------------- | ----------------------------------------- |
 * | coming              | `expect`: its record is being written | `see`: the record stands                 |
 * | queued              | `see`                               | `done`: it has ended here; `expect` again: written anew |
 */
export class ParkedIndex {
  private readonly lanes = new Map<string, Lane>();
  private records = 0;
  private expected = 0;

  has(entity: string): boolean {
    return this.lanes.has(entity);
  }

  /** Parked deliveries, those that are being written included. */
  size(): number {
    return this.records + this.expected;
  }

  coming(): number {
    return this.expected;
  }

  entities(): IterableIterator<string> {
    return this.lanes.keys();
  }

  /** Its record is being written, for the first time or anew. Until it stands nothing behind it is a head. */
  expect(entity: string, order: number): void {
    let lane = this.lanes.get(entity);
    if (!lane) this.lanes.set(entity, (lane = { queue: [], coming: new Set() }));
    this.take(lane, order);
    if (lane.coming.has(order)) return;
    lane.coming.add(order);
    this.expected++;
  }

  see(entity: string, entry: ParkedEntry): void {
    let lane = this.lanes.get(entity);
    if (!lane) this.lanes.set(entity, (lane = { queue: [], coming: new Set() }));
    if (lane.coming.delete(entry.order)) this.expected--;
    this.take(lane, entry.order);
    const at = lane.queue.findLastIndex(({ order }) => order < entry.order) + 1;
    lane.queue.splice(at, 0, entry);
    this.records++;
  }

  /** It has left the topic for good. */
  done(entity: string, order: number): void {
    const lane = this.lanes.get(entity);
    if (!lane) return;
    this.take(lane, order);
    if (lane.queue.length === 0 && lane.coming.size === 0) this.lanes.delete(entity);
  }

  /** The first in order; null while one before it is being written. */
  head(entity: string): ParkedEntry | null {
    const lane = this.lanes.get(entity);
    const head = lane?.queue[0];
    if (!lane || !head) return null;
    for (const order of lane.coming) if (order < head.order) return null;
    return head;
  }

  find(isMeant: (entry: ParkedEntry) => boolean): Readonly<{ entity: string; entry: ParkedEntry }> | null {
    for (const [entity, { queue }] of this.lanes) {
      const entry = queue.find(isMeant);
      if (entry) return { entity, entry };
    }
    return null;
  }

  private take(lane: Lane, order: number): void {
    const at = lane.queue.findIndex((entry) => entry.order === order);
    if (at < 0) return;
    lane.queue.splice(at, 1);
    this.records--;
  }
}

const FORM = /^(\d{1,16}) (\d{1,16}) (\d{1,16}|behind|stopped)$/;

export const formatPark = ({ order, sinceMs, wait }: Park): string =>
  `${order} ${Math.floor(sinceMs)} ${wait.kind === 'due' ? Math.ceil(wait.delayMs) : wait.kind}`;

/** Null: not ours. */
export function parsePark(text: string): Park | null {
  const match = FORM.exec(text);
  if (!match) return null;
  const [, order, since, wait] = match as unknown as [string, string, string, string];
  const kind: ParkedWait = wait === 'behind' || wait === 'stopped' ? { kind: wait } : { kind: 'due', delayMs: Number(wait) };
  return { order: Number(order), sinceMs: Number(since), wait: kind };
}
