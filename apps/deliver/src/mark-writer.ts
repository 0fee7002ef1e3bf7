import type { AttemptEnd, AttemptMarks, Claim, ClaimRequest, Progress } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { NaturalBatch } from './natural-batch.js';
import type { StandingKeeper } from './standing.js';

type Note =
  | Readonly<{ kind: 'end'; end: AttemptEnd }>
  | Readonly<{ kind: 'clear'; claim: Readonly<{ offset: number; claimId: string }> }>
  | Readonly<{ kind: 'forget'; offsets: readonly number[] }>;

export type MarkWriterParts = Readonly<{
  marks: AttemptMarks;
  standing: StandingKeeper;
  clock: Pick<Clock, 'endOfTurn'>;
  stop: AbortSignal;
  batchMax: number;
}>;

/** The partition's marks in batches: claims in one run of calls, notes (ends, clears, forgets) in another, each in order. */
export class MarkWriter {
  private readonly claims: NaturalBatch<ClaimRequest, Claim | null>;
  private readonly notes: NaturalBatch<Note, boolean>;

  constructor(private readonly parts: MarkWriterParts) {
    const { clock, batchMax } = parts;
    const gathered = clock.endOfTurn ?? null;
    this.claims = new NaturalBatch((requests) => this.claimBatch(requests), batchMax, gathered);
    this.notes = new NaturalBatch((notes) => this.noteBatch(notes), batchMax, gathered);
  }

  /** Null: refused, or no answer. */
  claim(request: ClaimRequest): Promise<Claim | null> {
    return this.claims.add(request);
  }

  /** Told once: a lost note makes a doubt of it, never a wrong verdict. */
  end(end: AttemptEnd): void {
    this.notes.put({ kind: 'end', end });
  }

  /** `once`: told once. Otherwise until Redis has it, or the partition went away. */
  async clear(claim: Readonly<{ offset: number; claimId: string }>, once: boolean): Promise<void> {
    const { standing, stop } = this.parts;
    for (;;) {
      if (await this.notes.add({ kind: 'clear', claim })) return;
      if (once || stop.aborted || !(await standing.ready())) return;
    }
  }

  /** Until Redis has it; false: the partition goes away first. Rare, so it is no batch. */
  async progress(step: Progress): Promise<boolean> {
    const { marks, standing } = this.parts;
    while (await standing.ready()) {
      const mine = standing.current();
      if (!mine) continue;
      try {
        const answer = await marks.progress(mine, [step]);
        if (answer.kind === 'noted') return true;
        standing.refused(mine, answer.why);
      } catch {
        standing.unreachable(mine);
      }
    }
    return false;
  }

  forget(offsets: readonly number[]): void {
    this.notes.put({ kind: 'forget', offsets });
  }

  /** What was told so far has been asked of Redis. */
  async written(): Promise<void> {
    await this.notes.add({ kind: 'forget', offsets: [] });
  }

  private async claimBatch(requests: readonly ClaimRequest[]): Promise<readonly (Claim | null)[]> {
    const { marks, standing } = this.parts;
    const mine = standing.current();
    if (!mine) return requests.map(() => null);
    try {
      const answer = await marks.claim(mine, requests);
      if (answer.kind === 'claims') return answer.claims;
      standing.refused(mine, answer.why);
    } catch {
      standing.unreachable(mine);
    }
    return requests.map(() => null);
  }

  private async noteBatch(notes: readonly Note[]): Promise<readonly boolean[]> {
    const { marks, standing } = this.parts;
    const mine = standing.current();
    try {
      const ends: AttemptEnd[] = [];
      const clears: Readonly<{ offset: number; claimId: string }>[] = [];
      const forgets: number[] = [];
      for (const note of notes) {
        if (note.kind === 'end') ends.push(note.end);
        else if (note.kind === 'clear') clears.push(note.claim);
        else forgets.push(...note.offsets);
      }
      if (ends.length > 0) await marks.end(ends);
      if (clears.length > 0 && mine) await marks.clear(mine, clears);
      if (forgets.length > 0) await marks.forget(forgets);
      return notes.map((note) => note.kind !== 'clear' || mine !== null);
    } catch {
      if (mine) standing.unreachable(mine);
      return notes.map(() => false);
    }
  }
}
