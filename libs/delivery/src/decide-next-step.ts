import type { Classified, UnknownRule } from './decide-class.js';
import type { Doubt } from './decide-resolution.js';
import type { HoldReason } from './valve.port.js';

/**
 * Decides what follows one attempt. Pure: no clock, no randomness, no I/O.
 *
 * Units   *Ms are milliseconds (wall clock where absolute); `attempt` counts spent attempts, this one not yet.
 * Ends    Every spent attempt comes nearer to `attemptsMax`; what spends none adds to the time under retry, which `maxAgeMs` bounds
 *         (rule 25). What fails while its destination is held does neither: it waits with the others until the hold ends.
 */
export type Tier = Readonly<{ name: string; delayMs: number }>;
export type StepPolicy = Readonly<{
  /** The delay lines in their order; the last one repeats when attempts are left behind it. */
  tiers: readonly Tier[];
  attemptsMax: number;
  maxAgeMs: number;
  /** The longest a partner's Retry-After is believed. */
  retryAfterMaxMs: number;
  /** The hold after a 429 that names no time, and the shortest after one that does. */
  retryAfterDefaultMs: number;
  unknown: Readonly<{ resolve: UnknownRule; settleMs: number }>;
}>;

export type AttemptFacts = Readonly<{
  outcome: Classified;
  retryAfterMs: number | null;
  nowMs: number;
  startedAtMs: number;
  /** The claim's deadline: the last moment this attempt's request may have been on its way from here. */
  deadlineMs: number;
  attempt: number;
  /** Time under retry so far: attempts, this one too, delay lines, and the partner's own 429s. Not the time it was held or queued. */
  retriedMs: number;
  /** The destination is held, for this, now that the outcome is known; null: it is not, or the failure is this delivery's own. */
  heldBy: HoldReason | null;
  /** An earlier attempt's effect is still in doubt: this one neither proved nor excluded it. */
  doubt: Doubt | null;
}>;

/** What the next attempt has to know of this and earlier ones. */
export type Doubts = Readonly<{ doubtful: boolean; quietAtMs: number | null; doubtSinceMs: number | null; maybeTwice: boolean }>;

export const NO_DOUBTS: Doubts = { doubtful: false, quietAtMs: null, doubtSinceMs: null, maybeTwice: false };

export type DeadLetterReason = 'rejected' | 'misconfigured' | 'attempts-exhausted' | 'too-old';
export type NextStep =
  | Readonly<{ kind: 'settle' }>
  /** Stays in its lane, and no attempt is spent. `holdUntilMs`: the destination is held until then. `retriedMs`: adds to the time under retry. */
  | (Readonly<{ kind: 'stay'; reason: HoldReason; holdUntilMs: number | null; retriedMs: number }> & Doubts)
  /** Leaves the partition by a delay line. `holdUntilMs`: the destination is held as well. */
  | (Readonly<{ kind: 'delay'; tier: Tier; spends: boolean; holdUntilMs: number | null }> & Doubts)
  | (Readonly<{ kind: 'dead-letter'; reason: DeadLetterReason; spends: boolean }> & Doubts)
  /** To the DLQ as `held`: an operator decides. */
  | (Readonly<{ kind: 'held'; reason: string }> & Doubts);

export function decideNextStep(facts: AttemptFacts, policy: StepPolicy): NextStep {
  if (!Number.isInteger(facts.attempt) || facts.attempt < 0) throw new RangeError(`attempt counts spent attempts: ${facts.attempt}`);
  const doubts = doubtsAfter(facts, policy);
  switch (facts.outcome.class) {
    case 'delivered':
      return { kind: 'settle' };
    case 'business':
      return { kind: 'dead-letter', reason: 'rejected', spends: true, ...doubts };
    case 'permanent':
      return { kind: 'dead-letter', reason: 'misconfigured', spends: true, ...doubts };
    case 'throttled':
      return throttled(facts, policy, doubts);
    case 'auth':
      return stays(facts, doubts) ?? unspent(facts, policy, { tier: policy.tiers[0], holdUntilMs: null }, doubts);
    case 'unknown':
      if (policy.unknown.resolve === 'hold') {
        return { kind: 'held', reason: 'unknown outcome, and the destination holds those for an operator', ...doubts };
      }
      return stays(facts, doubts) ?? spent(facts, policy, doubts);
    case 'transient':
      return stays(facts, doubts) ?? spent(facts, policy, doubts);
  }
}

/** An outage is the destination's, and no delivery pays for it. */
function stays({ heldBy }: AttemptFacts, doubts: Doubts, holdUntilMs: number | null = null): NextStep | null {
  return heldBy === null ? null : { kind: 'stay', reason: heldBy, holdUntilMs, retriedMs: 0, ...doubts };
}

function spent(facts: AttemptFacts, policy: StepPolicy, doubts: Doubts): NextStep {
  const tier = policy.tiers[facts.attempt] ?? policy.tiers.at(-1);
  if (!tier || facts.attempt + 1 >= policy.attemptsMax) {
    return { kind: 'dead-letter', reason: 'attempts-exhausted', spends: true, ...doubts };
  }
  if (isTooOld(facts, policy, tier.delayMs)) return { kind: 'dead-letter', reason: 'too-old', spends: true, ...doubts };
  return { kind: 'delay', tier, spends: true, holdUntilMs: null, ...doubts };
}

/** A hold no longer than the shortest tier is waited out in the lane; a longer one leaves the partition and goes round (rules 23, 24). */
function throttled(facts: AttemptFacts, policy: StepPolicy, doubts: Doubts): NextStep {
  const asked = Math.max(policy.retryAfterDefaultMs, facts.retryAfterMs ?? 0);
  const waitMs = Math.min(asked, policy.retryAfterMaxMs);
  const untilMs = facts.nowMs + waitMs;
  const kept = stays(facts, doubts, untilMs);
  if (kept) return kept;
  const shortest = policy.tiers.reduce((least, tier) => Math.min(least, tier.delayMs), Infinity);
  if (waitMs > shortest) {
    const fitting = policy.tiers.filter((tier) => tier.delayMs <= waitMs);
    const tier = fitting.reduce((longest, one) => (one.delayMs > longest.delayMs ? one : longest));
    return unspent(facts, policy, { tier, holdUntilMs: untilMs }, doubts);
  }
  if (isTooOld(facts, policy, waitMs)) return { kind: 'dead-letter', reason: 'too-old', spends: false, ...doubts };
  return { kind: 'stay', reason: 'throttled', holdUntilMs: untilMs, retriedMs: waitMs, ...doubts };
}

function unspent(
  facts: AttemptFacts,
  policy: StepPolicy,
  way: { tier: Tier | undefined; holdUntilMs: number | null },
  doubts: Doubts,
): NextStep {
  if (!way.tier) return { kind: 'dead-letter', reason: 'attempts-exhausted', spends: false, ...doubts };
  if (isTooOld(facts, policy, way.tier.delayMs)) return { kind: 'dead-letter', reason: 'too-old', spends: false, ...doubts };
  return { kind: 'delay', tier: way.tier, spends: false, holdUntilMs: way.holdUntilMs, ...doubts };
}

const isTooOld = ({ retriedMs }: AttemptFacts, policy: StepPolicy, waitMs: number): boolean => retriedMs + waitMs > policy.maxAgeMs;

/**
 * Under `hold` a transient 5xx is retried (rule 28) and would be held for ever if it counted as a doubt, so it is only
 * remembered: a later success then says `delivered-maybe-twice`. Under the other rules the next attempt resolves it.
 *
 * Only what was not answered may still be on the wire, and only a look-up can be fooled by what an answered request may yet do behind
 * a gateway. So a 5xx is retried at its tier's time under every other rule: nothing would be safer later.
 */
function doubtsAfter({ outcome, startedAtMs, deadlineMs, doubt }: AttemptFacts, { unknown }: StepPolicy): Doubts {
  const isMaybe = outcome.effect === 'maybe';
  const isRemembered = isMaybe && unknown.resolve === 'hold' && outcome.class !== 'unknown';
  const doubtful = doubt !== null || (isMaybe && !isRemembered);
  const mayStillLand = isMaybe && (outcome.class === 'unknown' || unknown.resolve === 'lookup');
  const quiet = Math.max(mayStillLand ? deadlineMs + unknown.settleMs : 0, doubt?.quietAtMs ?? 0);
  return {
    doubtful,
    quietAtMs: doubtful && quiet > 0 ? quiet : null,
    doubtSinceMs: doubtful ? (doubt?.doubtSinceMs ?? startedAtMs) : null,
    maybeTwice: isRemembered,
  };
}
