import type { OutcomeClass } from '#libs/domain/src/index.js';
import type { Effect, Outcome } from './outcome.js';

/**
 * Decides what an outcome means: the destination's own rules first, then the defaults. Pure and total.
 *
 * `effect` is kept apart from the class: a 500 is worth a retry (transient) and still proves nothing (rule 28), so the retry
 * obeys the destination's unknown rule. 503, 429, 501 and 505 say that the partner did not take the request on; so does
 * whatever the destination's own rules call throttled, auth, business or permanent.
 */
export type ClassRules = Readonly<{
  classify: readonly Readonly<{ statuses: readonly Readonly<{ from: number; to: number }>[]; as: OutcomeClass }>[];
  unknown: Readonly<{ resolve: UnknownRule; statuses: readonly number[] }>;
}>;
export type UnknownRule = 'idempotency-key' | 'lookup' | 'resend' | 'hold';

/** `rule` names what decided: `default`, `classify[2]` or `unknown.statuses`. */
export type Classified = Readonly<{ class: OutcomeClass; rule: string; effect: Effect }>;
export type SentOutcome = Exclude<Outcome, { kind: 'not-sent' }>;

const REFUSALS: readonly number[] = [501, 503, 505];

export function decideClass(outcome: SentOutcome, rules: ClassRules): Classified {
  switch (outcome.kind) {
    case 'unsendable':
      return { class: 'permanent', rule: 'default', effect: 'no' };
    case 'unreachable':
      return outcome.when === 'before'
        ? { class: 'transient', rule: 'default', effect: 'no' }
        : { class: 'unknown', rule: 'default', effect: 'maybe' };
    case 'responded':
      return classOfStatus(outcome.status, outcome.retryAfterMs, rules);
  }
}

function classOfStatus(status: number, retryAfterMs: number | null, rules: ClassRules): Classified {
  const own = rules.classify.findIndex((rule) => rule.statuses.some(({ from, to }) => status >= from && status <= to));
  const { resolve, statuses } = rules.unknown;
  const isBlind = resolve === 'resend' || resolve === 'hold';
  if (own >= 0) {
    const named = rules.classify[own]!.as;
    return { class: named, rule: `classify[${own}]`, effect: effectOf(status, named) };
  }
  if (isBlind && statuses.includes(status)) return { class: 'unknown', rule: 'unknown.statuses', effect: 'maybe' };
  const named = defaultClass(status, retryAfterMs);
  return { class: named, rule: 'default', effect: effectOf(status, named) };
}

function defaultClass(status: number, retryAfterMs: number | null): OutcomeClass {
  if (status >= 200 && status < 300) return 'delivered';
  if (status === 429 || (status === 503 && retryAfterMs !== null)) return 'throttled';
  if (status === 401 || status === 403) return 'auth';
  if (status === 408 || status === 425 || status >= 500) return 'transient';
  // Redirects are not followed: where they lead was never checked. The URL is the configuration's to mend.
  return status >= 400 ? 'business' : 'permanent';
}

function effectOf(status: number, named: OutcomeClass): Effect {
  if (named === 'delivered') return 'yes';
  if (named === 'unknown') return 'maybe';
  return named === 'transient' && status >= 500 && !REFUSALS.includes(status) ? 'maybe' : 'no';
}
