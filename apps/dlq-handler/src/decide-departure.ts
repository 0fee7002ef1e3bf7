import { formatPosition, type Delivery, type Fact, type HoldfastEvent, type Position } from '#libs/domain/src/index.js';

/**
 * Decides how a dead letter leaves, by an operator's word. Pure.
 *
 * A requeue after a definite failure has a new generation of the partner's key, after an unknown one the same key (rule 22), and
 * the doubt travels, so that deliver resolves it first. `resend` is the operator's own answer to that doubt: it is not asked again,
 * and a success says that there may be two.
 *
 * Hop     The dead letter's fact stands at its own hop, the delivery goes on at the next one: so whatever becomes of it there
 *         outranks the requeue, and the requeue outranks the dead letter.
 */
export type Leaving = 'requeue' | 'resend' | 'delivered' | 'discard';
export type Word = Readonly<{ as: Leaving; operation: string; by: string; reason: string; atMs: number }>;

/** What `dead_letters` calls one that has left. */
export type LeftState = 'requeued' | 'discarded' | 'resolved';
export const leftStateOf = (as: Leaving): LeftState => (as === 'discard' ? 'discarded' : as === 'delivered' ? 'resolved' : 'requeued');

/** The delivery as it goes back to its destination's queue. */
export function requeuedDelivery(dead: Delivery, { as, operation }: Word): Delivery {
  const isDoubtful = dead.doubtful && as !== 'resend';
  return {
    ...dead,
    hop: dead.hop + 1,
    attempt: 0,
    generation: dead.generation + (dead.doubtful ? 0 : 1),
    operation,
    reason: null,
    class: null,
    deadletteredat: null,
    // The age counts anew; how old a doubt is does not (rule 22).
    retryms: 0,
    firstattemptat: dead.doubtful ? dead.firstattemptat : null,
    doubtful: isDoubtful,
    quietat: isDoubtful ? dead.quietat : null,
    doubtsince: isDoubtful ? dead.doubtsince : null,
    maybetwice: dead.maybetwice || (dead.doubtful && as === 'resend'),
  };
}

export function factOfDelivery(dead: Delivery, at: Position, word: Word): Fact {
  return {
    ...factOfEvent(dead.event, dead.eventposition, at, word),
    fact: word.as === 'discard' ? 'discarded' : word.as === 'delivered' ? 'settled' : 'requeued',
    destination: dead.destination,
    delivery: dead.id,
    hop: dead.hop,
    // The operator is the proof.
    verdict: word.as === 'delivered' ? (dead.maybetwice ? 'delivered-maybe-twice' : 'delivered-once-by-proof') : null,
    attempt: dead.attempt,
  };
}

/** An invalid event can be discarded only: it has no destination. */
export const factOfEvent = (event: HoldfastEvent, eventposition: string, at: Position, word: Word): Fact => ({
  id: event.id,
  correlationid: event.correlationid,
  fact: 'discarded',
  at: word.atMs,
  app: 'dlq-handler',
  type: event.type,
  source: event.source,
  eventposition,
  position: formatPosition(at),
  destination: null,
  delivery: null,
  hop: null,
  verdict: null,
  duplicateof: null,
  class: null,
  attempt: null,
  attempts: [],
  destinations: [],
  tier: null,
  until: null,
  reason: word.reason,
  by: word.by,
  faults: [],
  externalid: null,
});
