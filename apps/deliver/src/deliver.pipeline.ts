import {
  decideClass,
  decideFound,
  decideNextStep,
  decideResolution,
  weaker,
  type Outcome,
  type Resolution,
} from '#libs/delivery/src/index.js';
import type { Deadline } from './deliver.ports.js';
import type { Turn } from './turn.js';
import type { Way } from './way.js';
import type { Item } from './item.js';
import { supersede } from './supersede.js';
import type { End } from './settlement-records.js';

/**
 * One delivery, from the head of its lane to its end. Read this file first: source → decide → act → decide → record.
 *
 * Returns the end, to be settled with others in the partition's next transaction; null when the partition goes away first.
 * Waiting (quiet times, holds, a rebalance, Redis) holds no slot. Only our own bugs are thrown.
 *
 * Crash   before 3: untouched, the next owner sends. Between 3 and 4: started, though nothing was sent; the next owner
 *         waits out the deadline and resolves it as unknown. After 4: the same, and true. After 5: done, the next owner
 *         settles without sending. After the settlement: settled in Kafka, whatever Redis says.
 */
export async function deliver(item: Item, way: Way): Promise<End | null> {
  for (;;) {
    // 1 · Wait out what may still land. Then a slot of the destination, while Kafka, Redis and the group all say that the
    // partition is mine.
    const before = planFor(item, way);
    if (before.kind === 'wait') {
      const waited = await way.waitOut(item, before.untilMs);
      if (waited?.kind === 'again') continue;
      return waited && waited.end;
    }
    // A transform may take its time: it holds no slot, and nothing is claimed for it.
    if (way.destination.shape && item.shaped === undefined && !(await way.shape(item))) return null;
    if (!(await way.enter(item))) return null;
    try {
      let turn: Turn;
      do {
        // 2 · Decide: may it be sent, and what would a success prove? Now, since the slot may have come hours later (rule 22).
        const plan = planFor(item, way);
        if (plan.kind === 'wait') break;
        const by = item.rank && way.overtakes(item);
        turn = by ? await supersede(item, by, way) : await attempt(item, plan, way);
        if (turn.kind === 'end') return turn.end;
        // A partner's limits count requests: one that has no room for the next gets it later.
      } while (turn.kind === 'next' && way.goesOn());
    } finally {
      way.leave();
    }
  }
}

const planFor = (item: Item, way: Way): Resolution => {
  // What a reading request of a sequence may have done is nothing.
  if (item.doubt && way.sequence.isReading(item)) return { kind: 'send', doneAs: 'once' };
  return decideResolution(item.doubt, way.destination.policy, way.clock.nowMs());
};

async function attempt(item: Item, plan: Exclude<Resolution, { kind: 'wait' }>, way: Way): Promise<Turn> {
  if (plan.kind !== 'send') return way.resolve(item, plan);

  // 3 · Claim: the start is counted in Redis before a byte leaves.
  const deadline: Deadline = way.deadline();
  const claim = await way.claim(item, item.wasStarted || item.keepsStart);
  if (claim === null) return { kind: 'again' };
  if (claim.kind === 'done') return way.found(item, decideFound(claim, way.destination.policy.resolve));
  if (claim.kind === 'started') return way.doubt(item, claim);
  if (!way.mayStart()) return way.unsent(item);
  const doneAs = weaker(plan.doneAs, item.leastDoneAs);

  // 4 · Act.
  const rendered = way.sequence.render(item);
  if (doneAs === 'maybe-twice' && rendered.ok) way.tellDuplicate(item);
  const outcome: Outcome = rendered.ok
    ? await way.destination.sender.send(rendered.request, deadline)
    : { ...rendered, kind: 'unsendable' };
  if (outcome.kind === 'not-sent') return way.unsent(item);

  // 5 · Decide what it means and what follows; mark the end. 6 · Record: with the others, by the settler.
  const classified = decideClass(outcome, way.sequence.rules(item));
  const booked = way.book(item, outcome, classified, deadline);
  if (way.destination.stages && classified.class === 'delivered' && outcome.kind === 'responded') {
    const next = await way.sequence.next(item, outcome, doneAs);
    if (next) return next;
  }
  const facts = classified.class === 'delivered' ? booked : await way.judged(item, booked);
  return way.follow(item, decideNextStep(facts, way.destination.policy), { classified, doneAs });
}
