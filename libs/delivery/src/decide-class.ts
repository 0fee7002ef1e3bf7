import { at, parseExact, type OutcomeClass } from '#libs/domain/src/index.js';
import type { Effect, Outcome } from './outcome.js';

/**
 * Decides what an outcome means: the destination's own rules first, then the defaults. Pure and total.
 *
 * `effect` is kept apart from the class: a 500 is worth a retry (transient) and still proves nothing (rule 28), so the retry
 * obeys the destination's unknown rule. 503, 429, 501 and 505 say that the partner did not take the request on; so does
 * whatever the destination's own rules call throttled, auth, business or permanent.
 */
export type ClassRules = Readonly<{
  classify: readonly AnswerRule[];
  unknown: Readonly<{ resolve: UnknownRule; statuses: readonly number[] }>;
}>;
export type UnknownRule = 'idempotency-key' | 'lookup' | 'resend' | 'hold';

/** All that it names must hold. `fits` is asked of undefined where there is no such header, or nothing stands at the pointer. */
export type AnswerRule = Readonly<{
  statuses: readonly Readonly<{ from: number; to: number }>[] | null;
  /** Lower case. */
  header?: Readonly<{ name: string; fits(value: unknown): boolean }> | null;
  /** A pointer into a JSON body. */
  body?: Readonly<{ pointer: string; fits(value: unknown): boolean }> | null;
  as: OutcomeClass;
}>;

/** `rule` names what decided: `default`, `classify[2]` or `unknown.statuses`. */
export type Classified = Readonly<{ class: OutcomeClass; rule: string; effect: Effect }>;
export type SentOutcome = Exclude<Outcome, { kind: 'not-sent' }>;
type Answer = Extract<Outcome, { kind: 'responded' }>;

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
      return classOfAnswer(outcome, rules);
  }
}

function classOfAnswer(answer: Answer, rules: ClassRules): Classified {
  const { status, retryAfterMs } = answer;
  const own = firstThatFits(answer, rules.classify);
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

function firstThatFits({ status, headers, body }: Answer, rules: readonly AnswerRule[]): number {
  let read: { value: unknown } | null | undefined;
  return rules.findIndex((rule) => {
    if (rule.statuses && !rule.statuses.some(({ from, to }) => status >= from && status <= to)) return false;
    if (rule.header && !rule.header.fits(headers?.[rule.header.name])) return false;
    if (!rule.body) return true;
    // Read once, and only where a rule comes as far as the body.
    if (read === undefined) read = parseExact(body);
    return rule.body.fits(read ? at(read.value, rule.body.pointer) : undefined);
  });
}

function defaultClass(status: number, retryAfterMs: number | null): OutcomeClass {
  if (status >= 200 && status < 300) return 'delivered';
  if (status === 429 || (status === 503 && retryAfterMs !== null)) return 'throttled';
  if (status === 401 || status === 403) return 'auth';
  if (status === 408 || status === 425 || status >= 500) return 'transient';
  // Redirects are not followed: where they lead was never checked. The URL is the configuration's to mend.
  return status >= 400 ? 'business' : 'permanent';
}

/** What the destination's rules call an error in a 2xx answer was refused: an error that may have taken effect is `unknown`. */
function effectOf(status: number, named: OutcomeClass): Effect {
  if (named === 'delivered') return 'yes';
  if (named === 'unknown') return 'maybe';
  return named === 'transient' && status >= 500 && !REFUSALS.includes(status) ? 'maybe' : 'no';
}
