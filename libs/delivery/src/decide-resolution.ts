import type { UnknownRule } from './decide-class.js';
import type { DoneAs } from './outcome.js';

/**
 * Decides how a delivery may be sent when an earlier attempt may have taken effect (ARCHITECTURE §5, rules 20 to 22).
 *
 * `quietAtMs`: until then a request of the earlier attempt may still land; before it a look-up proves nothing and a second
 * request is a blind one. `doubtSinceMs`: the earliest that attempt can have begun; a partner's memory of a key counts from there.
 */
export type Doubt = Readonly<{ quietAtMs: number | null; doubtSinceMs: number }>;
export type Resolution =
  /** `doneAs`: what a success then proves. */
  | Readonly<{ kind: 'send'; doneAs: DoneAs }>
  | Readonly<{ kind: 'wait'; untilMs: number }>
  | Readonly<{ kind: 'ask' }>
  | Readonly<{ kind: 'hold'; reason: string }>;

export type ResolutionPolicy = Readonly<{ resolve: UnknownRule; validForMs: number }>;

/** `doubt` null: nothing is in doubt. */
export function decideResolution(doubt: Doubt | null, policy: ResolutionPolicy, nowMs: number): Resolution {
  if (doubt === null) return { kind: 'send', doneAs: 'once' };
  if (doubt.quietAtMs !== null && nowMs < doubt.quietAtMs) return { kind: 'wait', untilMs: doubt.quietAtMs };
  switch (policy.resolve) {
    case 'idempotency-key':
      return nowMs - doubt.doubtSinceMs > policy.validForMs
        ? { kind: 'hold', reason: 'unknown outcome older than unknown.validFor: the partner may have forgotten the idempotency key' }
        : { kind: 'send', doneAs: 'proof' };
    case 'lookup':
      return { kind: 'ask' };
    case 'resend':
      return { kind: 'send', doneAs: 'maybe-twice' };
    case 'hold':
      return { kind: 'hold', reason: 'unknown outcome, and the destination holds those for an operator' };
  }
}

const STRENGTH: Readonly<Record<DoneAs, number>> = { once: 0, proof: 1, 'maybe-twice': 2 };

/** The one that claims less. */
export const weaker = (a: DoneAs, b: DoneAs): DoneAs => (STRENGTH[a] >= STRENGTH[b] ? a : b);

/** How a `done` mark is reported: more than one start may mean more than one effect (rule 19). */
export function decideFound(mark: Readonly<{ how: DoneAs; starts: number }>, resolve: UnknownRule): DoneAs {
  if (mark.starts <= 1) return mark.how;
  return weaker(mark.how, resolve === 'resend' ? 'maybe-twice' : 'proof');
}

const askAgainFirstMs = 250;

/**
 * When a look-up that found nothing is asked again: some partners show a record later than they take it. Null: it is believed.
 * Waits double, and the last one ends with the grace period.
 */
export function decideAskAgain(firstNotFoundAtMs: number, nowMs: number, graceMs: number): number | null {
  const passedMs = nowMs - firstNotFoundAtMs;
  if (passedMs >= graceMs) return null;
  return firstNotFoundAtMs + Math.min(graceMs, Math.max(passedMs * 2, passedMs + askAgainFirstMs));
}
