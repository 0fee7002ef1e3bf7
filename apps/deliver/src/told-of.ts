import type { Classified, SentOutcome, Told } from '#libs/delivery/src/index.js';
import type { HistoryEntry } from '#libs/domain/src/index.js';

/** What valves hear of an attempt. A look-up's outcome too, where the partner did not answer it: it says as much about the partner. */
export function toldOf(
  outcome: SentOutcome,
  { class: named, effect }: Classified,
  { tookms }: HistoryEntry,
  { nowMs, isRetry }: Readonly<{ nowMs: number; isRetry: boolean }>,
): Told {
  const isAnswer = outcome.kind === 'responded';
  const wasSent = outcome.kind !== 'unsendable' && !(outcome.kind === 'unreachable' && outcome.when === 'before');
  return {
    class: named,
    effect,
    status: isAnswer ? outcome.status : null,
    nowMs,
    tookMs: wasSent ? tookms : null,
    retryAfterMs: isAnswer ? outcome.retryAfterMs : null,
    rateLimit: isAnswer ? (outcome.rateLimit ?? null) : null,
    isRetry,
  };
}
