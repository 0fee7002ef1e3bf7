import type { UnknownRule } from '#libs/delivery/src/index.js';
import { groupNames, topicNames, type Delivery } from '#libs/domain/src/index.js';
import { decodeCommitMetadata, type Committed } from '#libs/kafka/src/index.js';
import type { DeliverBounds } from '../../apps/deliver/src/deliver.config.js';
import type { DeliverReport, Destination, DestinationPolicy } from '../../apps/deliver/src/deliver.ports.js';
import { testDelivery } from '../../apps/deliver/src/testing/deliver.world.js';
import type { DeliverFault } from './deliver.faults.js';
import type { PartnerMood } from './deliver.partner.js';
import type { Scheduler } from './scheduler.js';

/** Where the simulated deliver plays: one destination, one partition, two delay lines; times in virtual ms. */
export const topics = topicNames('s.');
const groups = groupNames('s.');
export const destination = 'portal';
export const tiers = [
  { name: 'a', delayMs: 50 },
  { name: 'b', delayMs: 120 },
];
export const timeoutMs = 100;
export const settleMs = 80;

export const stepsMax = 6_000;
/** How many more steps the zombies get when everything is settled. */
export const aftermathSteps = 80;
export const stuckMax = 20;

export type Home = Readonly<{ group: string; topic: string }>;
export const homes: readonly Home[] = [
  { group: groups.deliver(destination), topic: topics.deliveries(destination) },
  ...tiers.map(({ name }) => ({ group: groups.delayLine(name), topic: topics.retry(name) })),
];

export const simBounds: Partial<DeliverBounds> = {
  readWaitMs: 400,
  settleWaitMs: 5,
  settleMaxRecords: 2,
  drainMaxMs: 60,
  backoffFirstMs: 5,
  backoffMaxMs: 40,
  standingPollMs: 10,
  doneCheckMs: 30,
};

export function simPolicy(of: Readonly<{ rule: UnknownRule; maxInFlight: number; fault: DeliverFault | null }>): DestinationPolicy {
  // Both planted faults are a settling time that ends with the claim.
  const isHasty = of.fault === 'no takeover wait' || of.fault === 'lookup at once after a timeout';
  return {
    timeoutMs,
    maxInFlight: of.maxInFlight,
    classify: [],
    resolve: of.rule,
    validForMs: 3_600_000,
    unknown: { resolve: of.rule, statuses: [504], settleMs: isHasty ? -timeoutMs : settleMs },
    tiers,
    attemptsMax: tiers.length + 1,
    retryBudget: { share: 0.2, minPerSecond: 10 },
    maxAgeMs: 3_600_000,
    retryAfterMaxMs: 1_000,
    retryAfterDefaultMs: 20,
  };
}

/** Behind a dead letter the entity goes on, so that every delivery comes to an end. */
export const orderingOf = (ordering: Delivery['ordering']): Pick<Destination, 'ordering'> =>
  ordering === 'unordered' ? {} : { ordering: { hasStrict: ordering === 'strict', inboxOf: () => null, continuesAfter: () => true } };

type Events = Readonly<{ scheduler: Scheduler; ordering: Delivery['ordering']; hasRevisions: boolean }>;

/** Deliveries of a few entities; a latest-wins one has a revision or its position alone. */
export const simDeliveries = (count: number, { scheduler, ordering, hasRevisions }: Events): Delivery[] =>
  Array.from({ length: count }, (_, n) => {
    const subject = `e${Math.floor(scheduler.random() * 3)}`;
    const revision = ordering === 'latest-wins' && hasRevisions ? String(n) : null;
    return testDelivery(n, { ordering, event: { subject, revision, receivedat: scheduler.now() } });
  });

export function simMood(scheduler: Scheduler, fault: DeliverFault | null): PartnerMood {
  const some = (share: number, max: number): number => (scheduler.chance(share) ? scheduler.random() * max : 0);
  const mood = {
    requestLost: some(0.4, 0.4),
    answerLost: some(0.5, 0.5),
    refuses: some(0.4, 0.5),
    fails: some(0.3, 0.5),
    failsAfter: some(0.3, 0.4),
    rejects: some(0.1, 0.4),
    throttles: some(0.3, 0.4),
    lookupFails: some(0.3, 0.3),
    slow: some(0.6, 1),
  };
  return fault === 'no takeover wait' ? { ...mood, slow: 1 } : mood;
}

export const simReport = (note: (line: string) => void): DeliverReport => ({
  attempted: () => {},
  duplicateSent: () => note('counts a duplicate'),
  settled: ({ kind, position }) => note(`has settled ${position}: ${kind}`),
  stays: ({ id }, reason) => note(`keeps ${id} in its lane: ${reason}`),
  destinationHeld: () => note('holds the destination'),
  redisForgot: () => note('notices that Redis forgot'),
  waits: (what, _partition, why) => why !== null && note(`${what} waits: ${why}`),
});

/** The settled set never shrinks, and the offset never goes back; null when neither did. */
export function shrunk(before: Committed | null, now: Committed | null): string | null {
  if (!before || !now) return null;
  if (now.offset < before.offset) return `the committed offset went back from ${before.offset} to ${now.offset}`;
  const [was, is] = [decodeCommitMetadata(before.offset, before.metadata), decodeCommitMetadata(now.offset, now.metadata)];
  const has = new Set(is?.settled);
  const gone = was?.settled.find((offset) => offset >= now.offset && !has.has(offset));
  return gone === undefined ? null : `the settled set lost ${gone}`;
}
