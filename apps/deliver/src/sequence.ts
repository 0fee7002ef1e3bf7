import { decideFound, leastOf, weaker, type Claim, type ClassRules, type DoneAs, type MarkNote } from '#libs/delivery/src/index.js';
import type { StageNote } from '#libs/domain/src/index.js';
import type { Answer, Destination, Rendered, Stage } from './deliver.ports.js';
import type { Item } from './item.js';
import type { MarkWriter } from './mark-writer.js';
import type { StandingKeeper } from './standing.js';
import { AGAIN, type Turn } from './turn.js';

const NEXT: Turn = { kind: 'next' };

export type SequenceParts = Readonly<{
  destination: Destination;
  marks: MarkWriter;
  standing: StandingKeeper;
  claim(item: Item, again: boolean): Promise<Claim | null>;
  found(item: Item, doneAs: DoneAs): Turn;
}>;

/**
 * A delivery as a sequence of requests, each with a claim and a deadline of its own, in one slot. Where a destination has no
 * stages, a delivery is the one request it always was.
 */
export class Sequence {
  constructor(private readonly parts: SequenceParts) {}

  /**
   * One request of a sequence has ended: it is written down, beside the start of none, before the next one begins. Null: it was
   * the last. Crash before: it counts as started, and its rule resolves it. Crash behind: whoever comes goes on with the next.
   */
  async advance(item: Item, { kept, doneAs }: Readonly<{ kept: Readonly<Record<string, string>>; doneAs: DoneAs }>): Promise<Turn | null> {
    const { marks, destination } = this.parts;
    const stage = this.due(item)!;
    const stages = [...item.stages, { name: stage.name, as: doneAs, kept: { ...kept } }];
    item.leastDoneAs = weaker(item.leastDoneAs, doneAs);
    if (!destination.stages!.current(stages)) return null;
    // Found by a look-up, under nobody's start: mine is needed to say so.
    while (!item.openClaim) {
      const claim = await this.parts.claim(item, true);
      if (claim?.kind === 'done') return this.parts.found(item, decideFound(claim, destination.policy.resolve));
      if (!claim && !(await this.parts.standing.ready())) return AGAIN;
    }
    const step = { offset: item.offset, claimId: item.openClaim.claimId, parts: stages.length, note: JSON.stringify(stages) };
    if (!(await marks.progress(step))) return AGAIN;
    goOn(item, stages);
    return NEXT;
  }

  /** The request that is due, of one or of a sequence. */
  render(item: Item): Rendered {
    const { delivery, shaped, stages } = item;
    const { destination } = this.parts;
    if (!destination.stages) return destination.render(delivery, shaped);
    const stage = this.due(item);
    return stage
      ? stage.render(delivery, shaped, stages)
      : { ok: false, code: 'no-stage', error: 'the configuration has no request that follows those which have ended' };
  }

  rules(item: Item): ClassRules {
    const { policy } = this.parts.destination;
    const stage = this.due(item);
    return stage ? { ...policy, classify: stage.rules } : policy;
  }

  isReading(item: Item): boolean {
    return this.due(item)?.isReading === true;
  }

  /** Of a sequence, its request that is due; null: it is none, or none is left. */
  due(item: Item): Stage | null {
    return this.parts.destination.stages?.current(item.stages) ?? null;
  }

  nameOf(item: Item): string | null {
    return this.due(item)?.name ?? null;
  }

  /** Delivered: the next request; null: there is none. */
  next(item: Item, answer: Answer, doneAs: DoneAs): Promise<Turn | null> | null {
    const stage = this.due(item);
    return stage ? this.advance(item, { kept: stage.kept(answer), doneAs }) : null;
  }

  /** What an owner before me has written down beside its start. */
  takeOver(item: Item, { text, isSure }: MarkNote): void {
    if (!this.parts.destination.stages) return;
    if (!isSure) item.isAllInDoubt = true;
    const stages = text === '' ? [] : (JSON.parse(text) as StageNote[]);
    if (stages.length <= item.stages.length) return;
    const { openClaim } = item;
    goOn(item, stages);
    item.openClaim = openClaim;
    item.leastDoneAs = leastOf(stages, item.leastDoneAs);
  }
}

/** One more has ended: a doubt about it is over, and the next one has not begun, unless Redis forgot. */
function goOn(item: Item, stages: readonly StageNote[]): void {
  item.stages = stages;
  item.openClaim = null;
  item.wasStarted = false;
  item.keepsStart = false;
  item.notFoundAtMs = null;
  item.doubt = item.isAllInDoubt ? item.doubt : null;
}
