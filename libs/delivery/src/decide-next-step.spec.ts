import { describe, expect, it } from '@jest/globals';
import type { Classified } from './decide-class.js';
import { decideNextStep, type AttemptFacts, type NextStep, type StepPolicy } from './decide-next-step.js';

// Goal: pin the step behind every class, and both sides of every bound. Method: rows of facts → step. Whole ways: any-outcomes.spec.ts.
const tiers = [
  { name: '30s', delayMs: 30_000 },
  { name: '2m', delayMs: 120_000 },
];
const policy = (over: Partial<StepPolicy> = {}): StepPolicy => ({
  tiers,
  attemptsMax: (over.tiers ?? tiers).length + 1,
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
  startedAtMs: 9_900,
  attempt: 0,
  retriedMs: 100,
  heldBy: null,
  doubt: null,
  ...over,
});

function words(step: NextStep): string {
  const doubts =
    'doubtful' in step ? ` ${step.doubtful ? `doubtful until ${step.quietAtMs}` : 'sure'}${step.maybeTwice ? ' maybe-twice' : ''}` : '';
  switch (step.kind) {
    case 'settle':
      return 'settle';
    case 'stay':
      return `stay ${step.reason}${step.holdUntilMs === null ? '' : ` hold until ${step.holdUntilMs}`} ages ${step.retriedMs}${doubts}`;
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
    ['at the age limit it still retries', { retriedMs: 3_570_000 }, {}, 'delay 30s spent sure'],
    ['beyond it not', { retriedMs: 3_570_001 }, {}, 'dead-letter too-old spent sure'],
    [
      'an answered 500 leaves a doubt, and nothing to wait for',
      { outcome: outcome('transient', 'maybe') },
      {},
      'delay 30s spent doubtful until null',
    ],
    ['a doubt stays through a refusal', { doubt: { quietAtMs: 9_000, doubtSinceMs: 1 } }, {}, 'delay 30s spent doubtful until 9000'],
    [
      'the later quiet time counts',
      { outcome: unknown, doubt: { quietAtMs: 99_000, doubtSinceMs: 1 } },
      {},
      'delay 30s spent doubtful until 99000',
    ],
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
    [
      'throttled holds the destination',
      { outcome: outcome('throttled'), retryAfterMs: 7_000 },
      {},
      'stay throttled hold until 17000 ages 7000 sure',
    ],
    [
      'throttled until now is not asked again at once',
      { outcome: outcome('throttled'), retryAfterMs: 0 },
      {},
      'stay throttled hold until 11000 ages 1000 sure',
    ],
    [
      'a doubt stays through a 429',
      { outcome: outcome('throttled'), retryAfterMs: 7_000, doubt: { quietAtMs: 9_000, doubtSinceMs: 1 } },
      {},
      'stay throttled hold until 17000 ages 7000 doubtful until 9000',
    ],
    ['throttled without a time too', { outcome: outcome('throttled') }, {}, 'stay throttled hold until 11000 ages 1000 sure'],
    [
      'a hold as long as the shortest tier stays',
      { outcome: outcome('throttled'), retryAfterMs: 30_000 },
      {},
      'stay throttled hold until 40000 ages 30000 sure',
    ],
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
    [
      'without tiers it stays however long',
      { outcome: outcome('throttled'), retryAfterMs: 400_000 },
      { tiers: [] },
      'stay throttled hold until 410000 ages 400000 sure',
    ],
    ['throttled for too long ends', { outcome: outcome('throttled'), retriedMs: 3_600_001 }, {}, 'dead-letter too-old unspent sure'],
    ['auth waits in the first line and spends nothing', { outcome: outcome('auth'), attempt: 2 }, {}, 'delay 30s unspent sure'],
    ['auth for too long ends', { outcome: outcome('auth'), retriedMs: 3_600_001 }, {}, 'dead-letter too-old unspent sure'],
    [
      'a failure under an outage stays, and neither ages nor spends',
      { heldBy: 'breaker', attempt: 2, retriedMs: 9e9 },
      {},
      'stay breaker ages 0 sure',
    ],
    [
      'with the doubt that it leaves',
      { heldBy: 'breaker', outcome: outcome('transient', 'maybe') },
      {},
      'stay breaker ages 0 doubtful until null',
    ],
    [
      'unknown stays as well, until its quiet time',
      { heldBy: 'breaker', outcome: unknown },
      {},
      'stay breaker ages 0 doubtful until 17000',
    ],
    [
      'but not where an operator decides on it',
      { heldBy: 'breaker', outcome: unknown },
      { unknown: { resolve: 'hold', settleMs: 5_000 } },
      'held doubtful until 17000',
    ],
    [
      'a refusal with a time stays however long it is, and holds the destination',
      { heldBy: 'maintenance', outcome: outcome('throttled'), retryAfterMs: 400_000 },
      {},
      'stay maintenance hold until 410000 ages 0 sure',
    ],
    [
      'auth stays while the destination is held for it',
      { heldBy: 'auth', outcome: outcome('auth'), retriedMs: 9e9 },
      {},
      'stay auth ages 0 sure',
    ],
    ['business is business under any hold', { heldBy: 'breaker', outcome: outcome('business') }, {}, 'dead-letter rejected spent sure'],
    ['delivered is delivered under any hold', { heldBy: 'breaker', outcome: outcome('delivered', 'yes') }, {}, 'settle'],
    ['fewer attempts than tiers end earlier', { attempt: 1 }, { attemptsMax: 2 }, 'dead-letter attempts-exhausted spent sure'],
    ['more attempts repeat the last tier', { attempt: 4 }, { attemptsMax: 6 }, 'delay 2m spent sure'],
    ['and the last one of them is the last', { attempt: 5 }, { attemptsMax: 6 }, 'dead-letter attempts-exhausted spent sure'],
    ['without tiers there is nowhere to wait for another', {}, { tiers: [], attemptsMax: 5 }, 'dead-letter attempts-exhausted spent sure'],
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
