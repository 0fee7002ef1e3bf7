import type { Rank, Claim, Classified, DoneAs, AttemptFacts, NextStep, Resolution, SentOutcome } from '#libs/delivery/src/index.js';
import { decideFound, NO_DOUBTS, type Doubts } from '#libs/delivery/src/index.js';
import type { HistoryEntry } from '#libs/domain/src/index.js';
import type { Clock, Lease } from '#libs/kafka/src/index.js';
import type { Deadline, DeliverReport, Destination, DuplicateCause } from './deliver.ports.js';
import type { Gate } from './gate.js';
import { boundedHistory } from './bounded-history.js';
import type { Item } from './item.js';
import type { MarkWriter } from './mark-writer.js';
import { resolveDoubt } from './resolve-doubt.js';
import { Sequence } from './sequence.js';
import { AGAIN, type Turn } from './turn.js';
import type { StandingKeeper } from './standing.js';
import { toldOf } from './told-of.js';
import { Waiters } from './waiters.js';

const errorMaxLength = 300;

export type WayParts = Readonly<{
  destination: Destination;
  clock: Clock;
  gate: Gate;
  lease: Lease;
  standing: StandingKeeper;
  marks: MarkWriter;
  report: DeliverReport;
  /** Told of every position that is claimed; an answer need not come. */
  claimed: Set<number>;
  /** Aborts when the partition goes away. */
  stop: AbortSignal;
  standingPollMs: number;
  /** By whom a latest-wins delivery is overtaken; left out: there are none here. */
  overtakes?: (item: Item) => Rank | null;
  doneCheckMs: number;
  /** One that waited for a slot waits no more. */
  admitted(): void;
}>;

/** The effects of the pipeline's steps for the deliveries of one partition; the order of them is the pipeline's. */
export class Way {
  readonly destination: Destination;
  readonly clock: Clock;
  readonly sequence: Sequence;
  private polling: Promise<void> | null = null;
  private readonly waiters = new Waiters();

  constructor(private readonly parts: WayParts) {
    this.destination = parts.destination;
    this.clock = parts.clock;
    this.sequence = new Sequence({
      ...parts,
      claim: (item, again) => this.claim(item, again),
      found: (item, doneAs) => this.found(item, doneAs),
    });
  }

  /**
   * So many wait that no more need to be read. Where slots are shared fairly, it is enough only when as many groups wait: who is not
   * read yet may be next. Then `fairWaitersMax` is the bound; and nothing is read ahead while the destination is down or shut.
   */
  hasEnough({ slotWaitersMax, fairWaitersMax }: Readonly<{ slotWaitersMax: number; fairWaitersMax: number }>): boolean {
    const { waiters, parts } = this;
    if (waiters.count < slotWaitersMax) return false;
    if (!this.destination.fairness || waiters.groupCount() >= slotWaitersMax || waiters.count >= fairWaitersMax) return true;
    return parts.gate.outage(this.clock.nowMs()) !== null;
  }

  async waitUntil(untilMs: number): Promise<boolean> {
    const { clock, stop } = this.parts;
    for (let restMs = untilMs - clock.nowMs(); restMs > 0 && !stop.aborted; restMs = untilMs - clock.nowMs())
      await clock.sleep(restMs, stop);
    return !stop.aborted;
  }

  /**
   * Until nothing of an earlier attempt can land any more; null: the partition goes away first. An owner before me that was told of the
   * rebalance is still waiting for its requests: Redis is asked now and then whether they have ended.
   */
  async waitOut(item: Item, untilMs: number): Promise<Exclude<Turn, { kind: 'next' }> | null> {
    const { clock, stop, doneCheckMs } = this.parts;
    for (let restMs = untilMs - clock.nowMs(); restMs > 0 && !stop.aborted; restMs = untilMs - clock.nowMs()) {
      await clock.sleep(item.wasStarted ? Math.min(restMs, doneCheckMs) : restMs, stop);
      if (!item.wasStarted || stop.aborted || this.parts.standing.current() === null) continue;
      const claim = await this.claim(item, false);
      if (claim?.kind === 'done') return this.found(item, decideFound(claim, this.destination.policy.resolve));
      if (claim?.kind === 'granted') await this.undo(item);
    }
    return stop.aborted ? null : AGAIN;
  }

  /** What the item's route makes of its data; counts as one that waits. False: the partition goes away first. */
  async shape(item: Item): Promise<boolean> {
    const shaping = this.destination.shape!(item.delivery);
    if (shaping === null) item.shaped = null;
    else {
      this.waiters.join(undefined);
      item.shaped = await shaping;
      this.waiters.leave(undefined);
      this.parts.admitted();
    }
    return !this.parts.stop.aborted;
  }

  /** A slot, under a standing and a lease that allow a start; false when the partition goes away. */
  enter(item: Item): boolean | Promise<boolean> {
    const { gate, standing } = this.parts;
    const isRetry = item.delivery.attempt > 0;
    return (standing.current() !== null && this.mayStart() && gate.enterNow(isRetry)) || this.enterInTurn(item, isRetry);
  }

  private async enterInTurn(item: Item, isRetry: boolean): Promise<boolean> {
    const { gate, standing } = this.parts;
    for (;;) {
      if (!(await standing.ready())) return false;
      if (!this.mayStart()) {
        if (!(await this.untilMayStart())) return false;
        continue;
      }
      // Retries over the budget wait as well, and do not keep what is fresh from being read.
      const counts = !isRetry || !gate.isOverBudget();
      const share = this.destination.fairness && (item.share ??= this.destination.fairness.shareOf(item.delivery));
      if (counts) this.waiters.join(share?.group);
      const isAdmitted = await gate.enter(this, isRetry, share);
      if (counts) this.waiters.leave(share?.group);
      this.parts.admitted();
      if (!isAdmitted) return false;
      if (this.mayStart() && standing.current()) return true;
      gate.leave();
    }
  }

  /** The next request of a sequence, in the same slot. */
  goesOn(): boolean {
    return this.parts.gate.goesOn();
  }

  leave(): void {
    this.parts.gate.leave();
  }

  mayStart(): boolean {
    return !this.parts.stop.aborted && this.parts.lease.mayStart();
  }

  deadline(lengthMs?: number): Deadline {
    const { clock, destination } = this.parts;
    const timeoutMs = lengthMs ?? destination.policy.timeoutMs;
    return { wallMs: clock.nowMs() + timeoutMs, monotonicMs: clock.monotonicMs() + timeoutMs, ...(lengthMs !== undefined && { lengthMs }) };
  }

  /**
   * Null: refused or not answered; the standing is being looked after, and the caller tries again.
   * `again` only for what Redis said was started: a doubt that came with the record says nothing about this position.
   */
  async claim(item: Item, again: boolean): Promise<Claim | null> {
    const { marks, standing, clock } = this.parts;
    // A claim without an answer may have counted: it is repeated as it was, so that it counts once.
    item.openClaim ??= { offset: item.offset, again, claimId: `${standing.number()}.${++item.claims}`, atMs: clock.nowMs() };
    this.parts.claimed.add(item.offset);
    const claim = await marks.claim(item.openClaim);
    if (claim !== null && claim.kind !== 'granted') item.openClaim = null;
    if (claim?.note) this.sequence.takeOver(item, claim.note);
    return claim;
  }

  /** Redis says that it took effect, by an earlier owner's attempt. */
  found(item: Item, doneAs: DoneAs): Extract<Turn, { kind: 'end' }> {
    return { kind: 'end', end: { kind: 'delivered', item, atMs: this.clock.nowMs(), class: 'delivered', doneAs } };
  }

  /** An earlier owner started it: unknown, once nothing of that owner can land any more (rule 20). */
  doubt(item: Item, claim: Readonly<{ sinceMs: number | null }>): Turn {
    if (!item.wasStarted) {
      const atMs = claim.sinceMs ?? item.appendedAtMs;
      const error = 'an earlier owner of the partition started this attempt and left no outcome';
      this.enterHistory(item, { status: null, error, body: null, class: 'unknown', at: atMs, tookms: 0, rule: 'takeover' });
      item.firstAttemptAtMs ??= atMs;
    }
    item.wasStarted = true;
    const quietAtMs = Math.max(this.parts.standing.quietAtMs(), item.doubt?.quietAtMs ?? 0);
    const sinceMs = claim.sinceMs ?? item.firstAttemptAtMs ?? item.appendedAtMs;
    item.doubt = { quietAtMs, doubtSinceMs: Math.min(item.doubt?.doubtSinceMs ?? sinceMs, sinceMs) };
    return AGAIN;
  }

  /** Nothing was sent: the start is undone before anybody starts it again. */
  async unsent(item: Item): Promise<Turn> {
    await this.undo(item);
    return AGAIN;
  }

  /** The destination's word on an unknown outcome. */
  resolve(item: Item, plan: Extract<Resolution, { kind: 'ask' | 'hold' }>): Promise<Turn> {
    return resolveDoubt(item, plan, this);
  }

  overtakes(item: Item): Rank | null {
    return this.parts.overtakes?.(item) ?? null;
  }

  mayBeStarted(offset: number): boolean {
    return this.parts.standing.mayBeStarted(offset);
  }

  /** Waits until a claim is of use, without a slot; false when the partition goes away. */
  async mayClaim(): Promise<boolean> {
    return (await this.parts.standing.ready()) && (this.mayStart() || this.untilMayStart());
  }

  tellDuplicate(item: Item): void {
    this.parts.report.duplicateSent(this.destination.name, causeOf(item));
  }

  /** Writes the attempt into the history, and hands out what the next decision looks at. */
  book(item: Item, outcome: SentOutcome, classified: Classified, deadline: Deadline): AttemptFacts {
    const { clock, report, destination, gate } = this.parts;
    const nowMs = clock.nowMs();
    const lengthMs = deadline.lengthMs ?? destination.policy.timeoutMs;
    const at = deadline.wallMs - lengthMs;
    const isAnswer = outcome.kind === 'responded';
    const entry = this.enterHistory(item, {
      class: classified.class,
      status: isAnswer ? outcome.status : null,
      error: isAnswer ? null : `${outcome.code}: ${outcome.error}`.slice(0, errorMaxLength),
      body: isAnswer && outcome.body !== null && classified.class !== 'delivered' ? (destination.keep?.(outcome.body) ?? null) : null,
      at,
      tookms: Math.max(0, Math.round(clock.monotonicMs() - deadline.monotonicMs + lengthMs)),
      rule: classified.rule,
    });
    report.attempted(item.delivery, entry);
    item.firstAttemptAtMs ??= at;
    item.retriedMs += entry.tookms;
    gate.count(classified.class);
    if (item.delivery.attempt > 0 && classified.class !== 'transient' && classified.class !== 'unknown') gate.paidBack();
    if (gate.isTold && !outcome.isEcho) gate.told(toldOf(outcome, classified, entry, { nowMs, isRetry: item.delivery.attempt > 0 }));
    return {
      outcome: classified,
      retryAfterMs: isAnswer ? outcome.retryAfterMs : null,
      nowMs,
      deadlineMs: deadline.wallMs,
      attempt: item.delivery.attempt,
      startedAtMs: at,
      retriedMs: item.delivery.retryms + item.retriedMs,
      heldBy: null,
      doubt: item.doubt,
    };
  }

  /**
   * Whose failure it is. Asked when all replicas have heard of it: what opens a breaker is held as well, and so is what fails together
   * with that, wherever it was sent.
   */
  async judged(item: Item, booked: AttemptFacts): Promise<AttemptFacts> {
    await this.parts.gate.agreed();
    return { ...booked, heldBy: this.parts.gate.heldBy(item.stayedAt, booked.startedAtMs) };
  }

  /** At once in nearly every case. */
  follow(item: Item, step: NextStep, how: Readonly<{ classified: Classified; doneAs: DoneAs }>): Turn | Promise<Turn> {
    const { marks, gate, report, destination, clock } = this.parts;
    const end = { item, atMs: clock.nowMs(), class: how.classified.class };
    if (step.kind === 'settle') {
      marks.end({ offset: item.offset, how: how.doneAs });
      return { kind: 'end', end: { ...end, kind: 'delivered', doneAs: how.doneAs } };
    }
    const holdUntilMs = step.kind === 'stay' || step.kind === 'delay' ? step.holdUntilMs : null;
    if (holdUntilMs !== null) {
      const holding = gate.hold(holdUntilMs) ? gate.holding() : null;
      if (holding) report.destinationHeld(destination.name, holding);
    }
    if (step.kind === 'stay') return this.stay(item, step, how.classified);
    // A definite failure took no effect: an owner that takes over now may send at once.
    if (how.classified.effect === 'no') void this.undo(item, { once: true });
    if (step.kind === 'delay') return { kind: 'end', end: { ...end, ...step, kind: 'delayed' } };
    const spends = step.kind === 'held' || step.spends;
    const kind = step.kind === 'held' ? 'held' : 'dead-lettered';
    return { kind: 'end', end: { ...end, ...NO_DOUBTS, ...step, kind, spends } };
  }

  /** Stays in its lane, at the end of those who wait. A start that may have taken effect stays as well, and the next one knows of it. */
  private async stay(item: Item, step: Extract<NextStep, { kind: 'stay' }>, { effect }: Classified): Promise<Turn> {
    item.retriedMs += step.retriedMs;
    if (step.reason !== 'throttled') item.stayedAt = this.parts.gate.delivered;
    this.parts.report.stays(item.delivery, step.reason);
    rememberDoubts(item, step);
    if (effect !== 'maybe') return this.unsent(item);
    item.keepsStart = true;
    item.openClaim = null;
    return AGAIN;
  }

  async undo(item: Item, { once }: { once: boolean } = { once: false }): Promise<void> {
    const claim = item.openClaim;
    item.openClaim = null;
    if (claim) await this.parts.marks.clear({ offset: item.offset, claimId: claim.claimId }, once);
  }

  private enterHistory(item: Item, entry: Omit<HistoryEntry, 'attempt' | 'stage'>): HistoryEntry {
    const full = {
      attempt: item.delivery.attempt + 1,
      ...entry,
      stage: this.sequence.nameOf(item),
    };
    item.entries = boundedHistory([...item.entries, full]);
    return full;
  }

  /** One poll for all who wait. */
  private async untilMayStart(): Promise<boolean> {
    const { stop, clock, standingPollMs } = this.parts;
    this.polling ??= (async () => {
      while (!stop.aborted && !this.mayStart()) await clock.sleep(standingPollMs, stop);
      this.polling = null;
    })();
    await this.polling;
    return !stop.aborted;
  }
}

function rememberDoubts(item: Item, { doubtful, quietAtMs, doubtSinceMs, maybeTwice }: Doubts): void {
  item.doubt = doubtful ? { quietAtMs, doubtSinceMs: doubtSinceMs ?? item.appendedAtMs } : null;
  if (maybeTwice) item.leastDoneAs = 'maybe-twice';
}

const causeOf = (item: Item): DuplicateCause => {
  if (item.wasStarted) return 'takeover';
  return (item.entries.at(-1) ?? item.delivery.history.at(-1))?.class === 'unknown' ? 'unknown-outcome' : 'server-error';
};
