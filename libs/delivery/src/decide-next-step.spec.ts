import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideClass, type ClassRules, type Classified, type SentOutcome, type UnknownRule } from './decide-class.js';
import { decideNextStep, type AttemptFacts, type NextStep, type StepPolicy } from './decide-next-step.js';
import { decideResolution } from './decide-resolution.js';

// Goal: pin the step behind every class, both sides of every bound, and that every way ends.
// Method: rows of facts → step; then any sequence of outcomes, driven as the pipeline drives it.
const tiers = [
  { name: '30s', delayMs: 30_000 },
  { name: '2m', delayMs: 120_000 },
];
const policy = (over: Partial<StepPolicy> = {}): StepPolicy => ({
  tiers,
  maxAgeMs: 3_600_000,
  retryAfterMaxMs: 600_000,
  retryAfterDefaultMs: 1_000,
  unknown: { resolve: 'idempotency-key', settleMs: 5_000 },
  ...over,
});
const outcome = (named: Classified['class'], effect: Classified['effect'] = 'no'): Classified => ({
  class: named,
  rule: 'default',
  effect,
});
const facts = (over: Partial<AttemptFacts>): AttemptFacts => ({
  outcome: outcome('transient'),
  retryAfterMs: null,
  nowMs: 10_000,
  deadlineMs: 12_000,
  attempt: 0,
  firstAttemptAtMs: 10_000,
  wasDoubtful: false,
  quietAtMs: null,
  ...over,
});

function words(step: NextStep): string {
  const doubts =
    'doubtful' in step ? ` ${step.doubtful ? `doubtful until ${step.quietAtMs}` : 'sure'}${step.maybeTwice ? ' maybe-twice' : ''}` : '';
  switch (step.kind) {
    case 'settle':
      return 'settle';
    case 'hold':
      return `hold until ${step.untilMs}`;
    case 'delay':
      return `delay ${step.tier.name} ${step.spends ? 'spent' : 'unspent'}${step.holdUntilMs === null ? '' : ` hold until ${step.holdUntilMs}`}${doubts}`;
    case 'dead-letter':
      return `dead-letter ${step.reason} ${step.spends ? 'spent' : 'unspent'}${doubts}`;
    case 'held':
      return `held${doubts}`;
  }
}

describe('decideNextStep', () => {
  const unknown = outcome('unknown', 'maybe');
  const rows: [name: string, given: Partial<AttemptFacts>, over: Partial<StepPolicy>, expected: string][] = [
    ['delivered settles', { outcome: outcome('delivered', 'yes') }, {}, 'settle'],
    ['business goes to the DLQ at once', { outcome: outcome('business') }, {}, 'dead-letter rejected spent sure'],
    ['permanent goes to the DLQ at once', { outcome: outcome('permanent') }, {}, 'dead-letter misconfigured spent sure'],
    ['the first failure takes the first tier', {}, {}, 'delay 30s spent sure'],
    ['the second the second', { attempt: 1 }, {}, 'delay 2m spent sure'],
    ['the third is the last', { attempt: 2 }, {}, 'dead-letter attempts-exhausted spent sure'],
    ['without tiers the first is the last', {}, { tiers: [] }, 'dead-letter attempts-exhausted spent sure'],
    ['at the age limit it still retries', { firstAttemptAtMs: -3_560_000 }, {}, 'delay 30s spent sure'],
    ['beyond it not', { firstAttemptAtMs: -3_560_001 }, {}, 'dead-letter too-old spent sure'],
    [
      'an answered 500 leaves a doubt, and nothing to wait for',
      { outcome: outcome('transient', 'maybe') },
      {},
      'delay 30s spent doubtful until null',
    ],
    ['a doubt stays through a refusal', { wasDoubtful: true, quietAtMs: 9_000 }, {}, 'delay 30s spent doubtful until 9000'],
    ['the later quiet time counts', { outcome: unknown, wasDoubtful: true, quietAtMs: 99_000 }, {}, 'delay 30s spent doubtful until 99000'],
    ['unknown is spent and goes on in doubt', { outcome: unknown }, {}, 'delay 30s spent doubtful until 17000'],
    [
      'unknown at the end is a doubtful dead letter',
      { outcome: unknown, attempt: 2 },
      {},
      'dead-letter attempts-exhausted spent doubtful until 17000',
    ],
    ['unknown under hold is held', { outcome: unknown }, { unknown: { resolve: 'hold', settleMs: 5_000 } }, 'held doubtful until 17000'],
    [
      'a 500 under hold is retried and remembered',
      { outcome: outcome('transient', 'maybe') },
      { unknown: { resolve: 'hold', settleMs: 5_000 } },
      'delay 30s spent sure maybe-twice',
    ],
    ['throttled holds the destination', { outcome: outcome('throttled'), retryAfterMs: 7_000 }, {}, 'hold until 17000'],
    ['throttled without a time too', { outcome: outcome('throttled') }, {}, 'hold until 11000'],
    ['a hold as long as the shortest tier stays', { outcome: outcome('throttled'), retryAfterMs: 30_000 }, {}, 'hold until 40000'],
    [
      'a longer one leaves by the longest line that fits',
      { outcome: outcome('throttled'), retryAfterMs: 30_001 },
      {},
      'delay 30s unspent hold until 40001 sure',
    ],
    [
      'a very long one by the longest',
      { outcome: outcome('throttled'), retryAfterMs: 400_000 },
      {},
      'delay 2m unspent hold until 410000 sure',
    ],
    [
      'no partner is believed beyond the bound',
      { outcome: outcome('throttled'), retryAfterMs: 9e9 },
      {},
      'delay 2m unspent hold until 610000 sure',
    ],
    ['without tiers it stays however long', { outcome: outcome('throttled'), retryAfterMs: 400_000 }, { tiers: [] }, 'hold until 410000'],
    [
      'throttled for too long ends',
      { outcome: outcome('throttled'), firstAttemptAtMs: -3_600_000 },
      {},
      'dead-letter too-old unspent sure',
    ],
    ['auth waits in the first line and spends nothing', { outcome: outcome('auth'), attempt: 2 }, {}, 'delay 30s unspent sure'],
    ['auth for too long ends', { outcome: outcome('auth'), firstAttemptAtMs: -3_600_000 }, {}, 'dead-letter too-old unspent sure'],
    ['auth without tiers ends', { outcome: outcome('auth') }, { tiers: [] }, 'dead-letter attempts-exhausted unspent sure'],
  ];
  it.each(rows)('%s', (_name, given, over, expected) => {
    expect(words(decideNextStep(facts(given), policy(over)))).toBe(expected);
  });

  it('crashes on a broken precondition instead of guessing', () => {
    expect(() => decideNextStep(facts({ attempt: -1 }), policy())).toThrow(RangeError);
    expect(() => decideNextStep(facts({ attempt: 0.5 }), policy())).toThrow(RangeError);
  });
});

/** Drives one delivery through outcomes as the pipeline does, and books what the partner would see. */
function drive(outcomes: readonly SentOutcome[], rules: ClassRules, steps: StepPolicy) {
  const state = { nowMs: 0, attempt: 0, doubtful: false, quietAtMs: null as number | null, maybeTwice: false, sent: 0, first: 0 };
  for (const one of outcomes) {
    const doubt = state.doubtful ? { quietAtMs: state.quietAtMs, doubtSinceMs: state.first } : null;
    const plan = decideResolution(doubt, { resolve: rules.unknown.resolve, validForMs: 1e12 }, Math.max(state.nowMs, state.quietAtMs ?? 0));
    if (plan.kind === 'hold') return { ...state, end: 'held' };
    if (plan.kind === 'ask') state.doubtful = false;
    state.nowMs = Math.max(state.nowMs, state.quietAtMs ?? 0) + 10;
    state.sent++;
    const step = decideNextStep(
      facts({
        outcome: decideClass(one, rules),
        retryAfterMs: one.kind === 'responded' ? one.retryAfterMs : null,
        nowMs: state.nowMs,
        deadlineMs: state.nowMs + 100,
        attempt: state.attempt,
        firstAttemptAtMs: state.first,
        wasDoubtful: state.doubtful,
        quietAtMs: state.quietAtMs,
      }),
      steps,
    );
    if (step.kind === 'settle' || step.kind === 'held') return { ...state, end: step.kind };
    if (step.kind === 'dead-letter') return { ...state, end: step.reason, attempt: state.attempt + (step.spends ? 1 : 0) };
    if (step.kind === 'hold') state.nowMs = step.untilMs;
    else {
      state.nowMs += step.tier.delayMs;
      state.attempt += step.spends ? 1 : 0;
      Object.assign(state, { doubtful: step.doubtful, quietAtMs: step.quietAtMs, maybeTwice: state.maybeTwice || step.maybeTwice });
    }
  }
  return { ...state, end: null };
}

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
  const anyTiers = fc
    .array(fc.integer({ min: 1, max: 900_000 }), { maxLength: 5 })
    .map((delays) => delays.map((delayMs) => ({ name: `${delayMs}`, delayMs })));

  it('ends, and spends at most tiers + 1 attempts', () => {
    fc.assert(
      fc.property(fc.array(anyOutcome, { minLength: 1, maxLength: 30 }), anyRule, anyTiers, (outcomes, resolve, lines) => {
        // Repeated, the sequence is long enough that only the bounds can end it.
        const long = Array.from({ length: 20_000 }, (_, n) => outcomes[n % outcomes.length]!);
        const rules: ClassRules = { classify: [], unknown: { resolve, statuses: [504] } };
        const end = drive(long, rules, policy({ tiers: lines, maxAgeMs: 600_000, unknown: { resolve, settleMs: 50 } }));
        expect(end.end).not.toBeNull();
        expect(end.attempt).toBeLessThanOrEqual(lines.length + 1);
      }),
      { numRuns: 300 },
    );
  });

  it('never sends behind a delivered, and doubts behind what may have landed', () => {
    fc.assert(
      fc.property(fc.array(anyOutcome, { maxLength: 8 }), anyRule, (outcomes, resolve) => {
        const rules: ClassRules = { classify: [], unknown: { resolve, statuses: [504] } };
        const first = outcomes.findIndex((one) => decideClass(one, rules).class === 'delivered');
        const end = drive(outcomes, rules, policy({ unknown: { resolve, settleMs: 50 } }));
        if (first >= 0) expect(end.sent).toBeLessThanOrEqual(first + 1);
        const landed = outcomes.slice(0, end.sent).some((one) => decideClass(one, rules).effect === 'maybe');
        if (end.end === null && landed && resolve !== 'lookup') expect(end.doubtful || end.maybeTwice).toBe(true);
      }),
    );
  });
});
