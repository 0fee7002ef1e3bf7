import { straightThrough, type Interleave } from '#libs/kafka/src/index.js';
import { firstVerdict, type Claim, type ClaimAnswer, type ClaimBatch, type ClaimVerdict, type SeenStore } from './seen-store.port.js';

/** The faults of the dedupe model that live in the store; planted, a simulation must find each of them. */
export type SeenStoreFault =
  'no own-position check' | 'watermark not compared' | 'watermark written blindly' | 'claimed before the watermark was compared';

type Entry = Readonly<{ offset: number; appendedMs: number; revision: string }>;
type Row = Readonly<{ entries: readonly Entry[]; expiresAtMs: number }>;
type Mark = Readonly<{ next: number; leastLagMs: number }>;
export type SeenSnapshot = Readonly<{ rows: ReadonlyMap<string, Row>; marks: ReadonlyMap<string, Mark> }>;

/** What one Redis holds; several processes share it, each through a MemorySeenStore with an interleave of its own. */
export class MemorySeenState {
  rows = new Map<string, Row>();
  marks = new Map<string, Mark>();
  constructor(readonly nowMs: () => number = () => Date.now()) {}

  /** FLUSHALL, or a restart without a disk. */
  wipe(): void {
    this.rows.clear();
    this.marks.clear();
  }
  /** Rows are never changed in place, so a copy of the maps is a copy of everything. */
  snapshot(): SeenSnapshot {
    return { rows: new Map(this.rows), marks: new Map(this.marks) };
  }
  fallBack(snapshot: SeenSnapshot): void {
    this.rows = new Map(snapshot.rows);
    this.marks = new Map(snapshot.marks);
  }
}

/** SeenStore in memory, for tests and the simulator. Passes the same contract as Redis. */
export class MemorySeenStore implements SeenStore {
  constructor(
    readonly state = new MemorySeenState(),
    private readonly interleave: Interleave = straightThrough,
    private readonly fault: SeenStoreFault | null = null,
  ) {}

  async claim(batch: ClaimBatch): Promise<ClaimAnswer> {
    await this.interleave.before('seen.claim');
    const answer = this.script(batch);
    await this.interleave.after('seen.claim');
    return answer;
  }

  private script(batch: ClaimBatch): ClaimAnswer {
    const { from, next, floor, lagMs, slackMs } = batch;
    const scope = `${batch.partition}:${batch.incarnation}:`;
    let mark = this.state.marks.get(scope) ?? { next: 0, leastLagMs: lagMs };
    if (lagMs > mark.leastLagMs + slackMs) {
      this.state.marks.delete(scope);
      mark = { next: 0, leastLagMs: lagMs };
    }
    const forgotten = Math.max(mark.next, floor) < from && this.fault !== 'watermark not compared';
    if (forgotten && this.fault !== 'watermark written blindly' && this.fault !== 'claimed before the watermark was compared') {
      return { kind: 'refused', reached: mark.next };
    }
    const verdicts = batch.claims.map((claim) => this.judge(scope, claim, batch.settled));
    // Both planted faults claim first; one of them writes the mark as well, before it looks at what the mark had been.
    if (forgotten && this.fault === 'claimed before the watermark was compared') return { kind: 'refused', reached: mark.next };
    this.state.marks.set(scope, { next: Math.max(mark.next, next), leastLagMs: Math.min(mark.leastLagMs, lagMs) });
    return forgotten ? { kind: 'refused', reached: mark.next } : { kind: 'judged', verdicts };
  }

  private judge(scope: string, claim: Claim, settled: number): ClaimVerdict {
    const { offset, appendedMs, windowMs, ttlMs, pointer } = claim;
    const key = `${scope}k:${claim.key}`;
    const firsts = this.live(key);
    const place = newestAt(firsts, offset);
    const holder = firsts[place];
    if (holder?.offset === offset) {
      if (this.fault === 'no own-position check') return { kind: 'duplicate', of: offset };
      this.write(key, firsts, 0, ttlMs);
    } else if (holder && appendedMs - holder.appendedMs <= windowMs) {
      return { kind: 'duplicate', of: holder.offset };
    } else {
      this.write(key, firsts.toSpliced(place + 1, 0, { offset, appendedMs, revision: '' }), settled, ttlMs);
    }
    return pointer
      ? this.follow(`${scope}r:${pointer.key}`, { offset, appendedMs, revision: pointer.revision }, settled, ttlMs)
      : firstVerdict;
  }

  private follow(key: string, mine: Entry, settled: number, ttlMs: number): ClaimVerdict {
    const inForce = this.live(key);
    const place = newestAt(inForce, mine.offset);
    const newest = inForce[place];
    if (newest && newest.revision > mine.revision) return { kind: 'superseded', by: newest.offset };
    if (!newest || mine.revision > newest.revision) this.write(key, inForce.toSpliced(place + 1, 0, mine), settled, ttlMs);
    return firstVerdict;
  }

  private live(key: string): readonly Entry[] {
    const row = this.state.rows.get(key);
    return row && row.expiresAtMs > this.state.nowMs() ? row.entries : [];
  }

  private write(key: string, entries: readonly Entry[], settled: number, ttlMs: number): void {
    let start = 0;
    while (start + 1 < entries.length && entries[start + 1]!.offset < settled) start++;
    const before = this.state.rows.get(key)?.expiresAtMs ?? 0;
    this.state.rows.set(key, { entries: entries.slice(start), expiresAtMs: Math.max(before, this.state.nowMs() + ttlMs) });
  }
}

/** Index of the newest entry at or before a position; -1 when there is none. */
function newestAt(entries: readonly Entry[], offset: number): number {
  let place = entries.length - 1;
  while (place >= 0 && entries[place]!.offset > offset) place--;
  return place;
}
