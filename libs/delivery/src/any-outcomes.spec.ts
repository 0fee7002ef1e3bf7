import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideClass, type ClassRules, type SentOutcome, type UnknownRule } from './decide-class.js';
import { decideNextStep, type AttemptFacts, type StepPolicy } from './decide-next-step.js';
import { decideResolution, type Doubt } from './decide-resolution.js';

// Goal: every way ends, spends no more than it has, and never goes on behind *delivered*.
// Method: any sequence of outcomes, holds and policies, driven as the pipeline drives it.
const policy = (over: Partial<StepPolicy>): StepPolicy => ({
  tiers: [
    { name: '30s', delayMs: 30_000 },
    { name: '2m', delayMs: 120_000 },
  ],
  attemptsMax: 3,
  maxAgeMs: 3_600_000,
  retryAfterMaxMs: 600_000,
  retryAfterDefaultMs: 1_000,
  unknown: { resolve: 'idempotency-key', settleMs: 5_000 },
  ...over,
});

type Given = Readonly<{ outcome: SentOutcome; heldBy: AttemptFacts['heldBy'] }>;

/** Drives one delivery through outcomes as the pipeline does, and books what the partner would see. */
function drive(given: readonly Given[], rules: ClassRules, steps: StepPolicy) {
  const state = { nowMs: 0, attempt: 0, retriedMs: 0, doubt: null as Doubt | null, maybeTwice: false, sent: 0 };
  for (const { outcome: one, heldBy } of given) {
    state.nowMs = Math.max(state.nowMs, state.doubt?.quietAtMs ?? 0);
    const plan = decideResolution(state.doubt, { resolve: rules.unknown.resolve, validForMs: 1e15 }, state.nowMs);
    if (plan.kind === 'hold') return { ...state, end: 'held' };
    if (plan.kind === 'ask') state.doubt = null;
    const startedAtMs = state.nowMs;
    state.nowMs += 10;
    state.retriedMs += 10;
    state.sent++;
    const step = decideNextStep(
      {
        outcome: decideClass(one, rules),
        retryAfterMs: one.kind === 'responded' ? one.retryAfterMs : null,
        nowMs: state.nowMs,
        startedAtMs,
        deadlineMs: state.nowMs + 100,
        attempt: state.attempt,
        retriedMs: state.retriedMs,
        heldBy,
        doubt: state.doubt,
      },
      steps,
    );
    if (step.kind === 'settle' || step.kind === 'held') return { ...state, end: step.kind };
    if (step.kind === 'dead-letter') return { ...state, end: step.reason, attempt: state.attempt + (step.spends ? 1 : 0) };
    const waitMs = step.kind === 'delay' ? step.tier.delayMs : step.retriedMs;
    state.nowMs += waitMs;
    state.retriedMs += waitMs;
    if (step.kind === 'delay' && step.spends) state.attempt++;
    state.doubt = step.doubtful ? { quietAtMs: step.quietAtMs, doubtSinceMs: step.doubtSinceMs! } : null;
    state.maybeTwice ||= step.maybeTwice;
  }
  return { ...state, end: null };
}

const anyRules: ClassRules = { classify: [], unknown: { resolve: 'idempotency-key', statuses: [504] } };

describe('any sequence of outcomes', () => {
  const anyOutcome: fc.Arbitrary<SentOutcome> = fc.oneof(
    fc.record({
      kind: fc.constant('responded' as const),
      status: fc.integer({ min: 100, max: 599 }),
      retryAfterMs: fc.option(fc.integer({ min: 0, max: 900_000 })),
      body: fc.constant(null),
    }),
    fc.record({
      kind: fc.constant('unreachable' as const),
      when: fc.constantFrom('before' as const, 'after' as const),
      code: fc.constant('x'),
      error: fc.constant(''),
    }),
    fc.constant({ kind: 'unsendable' as const, code: 'x', error: '' }),
  );
  const anyRule = fc.constantFrom<UnknownRule>('idempotency-key', 'lookup', 'resend', 'hold');
  const anyHold = fc.constantFrom<AttemptFacts['heldBy']>(null, null, 'breaker', 'auth', 'maintenance', 'paused');
  const anyGiven: fc.Arbitrary<Given> = fc.record({ outcome: anyOutcome, heldBy: anyHold });
  const anyTiers = fc
    .array(fc.integer({ min: 1, max: 900_000 }), { maxLength: 5 })
    .map((delays) => delays.map((delayMs) => ({ name: `${delayMs}`, delayMs })));

  it('ends when its outages do, and spends at most the attempts it has', () => {
    fc.assert(
      fc.property(
        fc.array(anyGiven, { minLength: 1, maxLength: 30 }),
        anyRule,
        anyTiers,
        fc.integer({ min: 1, max: 8 }),
        (given, resolve, lines, attemptsMax) => {
          // Repeated, the sequence is long enough that only the bounds can end it; an outage lasts for the first thousand.
          const long = Array.from({ length: 20_000 }, (_, n) => {
            const one = given[n % given.length]!;
            return n < 1_000 ? one : { ...one, heldBy: null };
          });
          const rules: ClassRules = { classify: [], unknown: { resolve, statuses: [504] } };
          const end = drive(long, rules, policy({ tiers: lines, attemptsMax, maxAgeMs: 600_000, unknown: { resolve, settleMs: 50 } }));
          expect(end.end).not.toBeNull();
          expect(end.attempt).toBeLessThanOrEqual(attemptsMax);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('loses nothing to an outage, however long: no attempt, no age, no dead letter', () => {
    const failure = anyOutcome.filter((one) => ['transient', 'throttled', 'auth'].includes(decideClass(one, anyRules).class));
    fc.assert(
      fc.property(fc.array(failure, { minLength: 1, maxLength: 20 }), anyTiers, (failures, lines) => {
        const outage = Array.from({ length: 500 }, (_, n) => ({ outcome: failures[n % failures.length]!, heldBy: 'breaker' as const }));
        const end = drive(outage, anyRules, policy({ tiers: lines, maxAgeMs: 1 }));
        expect([end.end, end.attempt]).toEqual([null, 0]);
      }),
    );
  });

  it('never sends behind a delivered, and doubts behind what may have landed', () => {
    fc.assert(
      fc.property(fc.array(anyGiven, { maxLength: 8 }), anyRule, (given, resolve) => {
        const rules: ClassRules = { classify: [], unknown: { resolve, statuses: [504] } };
        const first = given.findIndex(({ outcome: one }) => decideClass(one, rules).class === 'delivered');
        const end = drive(given, rules, policy({ unknown: { resolve, settleMs: 50 } }));
        if (first >= 0) expect(end.sent).toBeLessThanOrEqual(first + 1);
        const landed = given.slice(0, end.sent).some(({ outcome: one }) => decideClass(one, rules).effect === 'maybe');
        if (end.end === null && landed && resolve !== 'lookup') expect(end.doubt !== null || end.maybeTwice).toBe(true);
      }),
    );
  });
});
