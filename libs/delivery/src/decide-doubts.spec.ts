import { describe, expect, it } from '@jest/globals';
import { decideClass, type UnknownRule } from './decide-class.js';
import { decideNextStep } from './decide-next-step.js';
import type { Doubt } from './decide-resolution.js';
import type { Outcome } from './outcome.js';

// Goal: what the next attempt must wait for beside its tier. What was answered is not on the wire: a 5xx comes back at its tier's time.
// Method: outcome and rule → the doubt and its quiet time; deadline 5,000, settle 30,000.

const decide = (outcome: Exclude<Outcome, { kind: 'not-sent' }>, resolve: UnknownRule, doubt: Doubt | null) =>
  decideNextStep(
    {
      outcome: decideClass(outcome, { classify: [], unknown: { resolve, statuses: [504] } }),
      retryAfterMs: null,
      nowMs: 1_000,
      deadlineMs: 5_000,
      attempt: 0,
      startedAtMs: 700,
      retriedMs: 300,
      heldBy: null,
      doubt,
    },
    {
      tiers: [{ name: '1s', delayMs: 1_000 }],
      attemptsMax: 2,
      maxAgeMs: 86_400_000,
      retryAfterMaxMs: 60_000,
      retryAfterDefaultMs: 1_000,
      unknown: { resolve, settleMs: 30_000 },
    },
  );

const answered = (status: number) =>
  ({ kind: 'responded', status, retryAfterMs: null, body: null }) as unknown as Exclude<Outcome, { kind: 'not-sent' }>;
const reset = { kind: 'unreachable', when: 'after', code: 'ECONNRESET' } as unknown as Exclude<Outcome, { kind: 'not-sent' }>;

describe('after an attempt', () => {
  const rows: [
    what: string,
    outcome: Exclude<Outcome, { kind: 'not-sent' }>,
    resolve: UnknownRule,
    doubtful: boolean,
    quietAtMs: number | null,
  ][] = [
    ['a 500 is in doubt, and its key may go again at the tier', answered(500), 'idempotency-key', true, null],
    ['a 504 as well', answered(504), 'idempotency-key', true, null],
    ['a 500 that is resent blindly too', answered(500), 'resend', true, null],
    ['a 504 counts as unknown where it is resent blindly', answered(504), 'resend', true, 35_000],
    ['a look-up after a 502 waits: a gateway may still hand the request on', answered(502), 'lookup', true, 35_000],
    ['a reset waits until its request cannot land any more', reset, 'idempotency-key', true, 35_000],
    ['a 503 is a refusal', answered(503), 'idempotency-key', false, null],
  ];
  it.each(rows)('%s', (_what, outcome, resolve, doubtful, quietAtMs) => {
    expect(decide(outcome, resolve, null)).toMatchObject({ kind: 'delay', doubtful, quietAtMs, doubtSinceMs: doubtful ? 700 : null });
  });

  it('an earlier quiet time stands, whatever comes after it', () => {
    const before = { doubtSinceMs: 100, quietAtMs: 40_000 };
    expect(decide(answered(500), 'idempotency-key', before)).toMatchObject({ doubtful: true, quietAtMs: 40_000, doubtSinceMs: 100 });
    expect(decide(answered(503), 'idempotency-key', before)).toMatchObject({ doubtful: true, quietAtMs: 40_000, doubtSinceMs: 100 });
  });
});
