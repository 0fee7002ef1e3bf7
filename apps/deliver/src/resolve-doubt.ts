import {
  decideAskAgain,
  decideClass,
  decideFound,
  decideNextStep,
  stageValues,
  weaker,
  type AttemptFacts,
  type Claim,
  type Classified,
  type DoneAs,
  type NextStep,
  type SentOutcome,
  type Resolution,
} from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import type { Item } from './item.js';
import type { Deadline, Destination } from './deliver.ports.js';
import type { Sequence } from './sequence.js';
import { AGAIN, type Turn } from './turn.js';

/** What it needs of the way. */
type Way = Readonly<{
  destination: Destination;
  clock: Pick<Clock, 'nowMs'>;
  sequence: Sequence;
  deadline(lengthMs?: number): Deadline;
  claim(item: Item, again: boolean): Promise<Claim | null>;
  found(item: Item, doneAs: DoneAs): Turn;
  doubt(item: Item, claim: Extract<Claim, { kind: 'started' }>): Turn;
  unsent(item: Item): Promise<Turn>;
  undo(item: Item, how?: { once: boolean }): Promise<void>;
  book(item: Item, outcome: SentOutcome, classified: Classified, deadline: Deadline): AttemptFacts;
  judged(item: Item, booked: AttemptFacts): Promise<AttemptFacts>;
  follow(item: Item, step: NextStep, how: Readonly<{ classified: Classified; doneAs: DoneAs }>): Turn | Promise<Turn>;
}>;

/**
 * The destination's word on an unknown outcome. Redis is asked first, whatever the record says: an owner before me may have
 * started it at this very position, and then a look-up proves nothing until that request can no longer land.
 */
export async function resolveDoubt(item: Item, plan: Extract<Resolution, { kind: 'ask' | 'hold' }>, way: Way): Promise<Turn> {
  const claim = await way.claim(item, false);
  if (claim === null) return AGAIN;
  if (claim.kind === 'done') return way.found(item, decideFound(claim, way.destination.policy.resolve));
  if (claim.kind === 'started' && !item.wasStarted && !item.keepsStart) return way.doubt(item, claim);
  const turn = plan.kind === 'hold' ? held(item, plan.reason, way) : await ask(item, way);
  // Nothing was sent under this claim.
  if (turn.kind === 'again') return way.unsent(item);
  if (turn.kind === 'next') return turn;
  void way.undo(item, { once: true });
  return turn;
}

async function ask(item: Item, way: Way): Promise<Turn> {
  const { destination } = way;
  const resolver = way.sequence.due(item)?.resolver ?? destination.resolver;
  const deadline = way.deadline(resolver.timeoutMs);
  const stage = way.sequence.due(item);
  const answer = await resolver.ask(item.delivery, deadline, stage ? stageValues(item.stages) : undefined);
  if (answer.kind === 'found') {
    const next = stage ? await way.sequence.advance(item, { kept: answer.kept ?? {}, doneAs: 'proof' }) : null;
    return next ?? way.found(item, weaker('proof', item.leastDoneAs));
  }
  if (answer.kind === 'not-found') {
    const againAtMs = decideAskAgain((item.notFoundAtMs ??= way.clock.nowMs()), way.clock.nowMs(), resolver.graceMs ?? 0);
    if (againAtMs !== null) {
      item.doubt = { quietAtMs: againAtMs, doubtSinceMs: item.doubt?.doubtSinceMs ?? item.notFoundAtMs };
      return AGAIN;
    }
    item.notFoundAtMs = null;
    item.doubt = null;
    item.leastDoneAs = weaker(item.leastDoneAs, 'proof');
    return AGAIN;
  }
  if (answer.kind === 'cannot-tell') return held(item, `unknown outcome, and ${answer.reason}`, way);
  // The partner cannot be asked: held back as it says, or a transient failure; the doubt stays.
  const { class: named, rule } = decideClass(answer.outcome, destination.policy);
  const asked: Classified = { class: named === 'throttled' || named === 'auth' ? named : 'transient', rule, effect: 'no' };
  const facts = await way.judged(item, way.book(item, answer.outcome, asked, deadline));
  return way.follow(item, decideNextStep(facts, destination.policy), { classified: asked, doneAs: 'proof' });
}

function held(item: Item, reason: string, way: Way): Turn {
  const { quietAtMs = null, doubtSinceMs = null } = item.doubt ?? {};
  const doubts = { doubtful: true, quietAtMs, doubtSinceMs, maybeTwice: false };
  return { kind: 'end', end: { kind: 'held', item, atMs: way.clock.nowMs(), class: 'unknown', reason, spends: false, ...doubts } };
}
