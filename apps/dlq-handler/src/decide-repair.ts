/**
 * Decides what an operation does next, from counts alone. Pure.
 *
 * Sending again is paced: one canary, then five, each waited for; then a ramp that has no more under way than have been delivered,
 * up to a bound, so that live traffic keeps nearly all of the partner and a partner that is not mended after all sees little. An
 * attempt that failed counts as failed at once: that a retry may yet help does not make the partner well.
 *
 * | state of the operation                          | step                |
 * | ----------------------------------------------- | ------------------- |
 * | a breaker of its destinations is not closed     | stopped             |
 * | a canary failed                                 | stopped             |
 * | more than a fifth of the last 50 failed         | stopped             |
 * | nothing is left to send, nothing under way      | done                |
 * | fewer under way than the canaries or the ramp let | send             |
 * | otherwise                                       | wait                |
 */
export type RepairPace = 'paced' | 'at-once';
export type RepairPhase = 'canary' | 'ramp';

/** `open`: ids not looked at yet. `sent`: left by this operation. */
export type RepairState = Readonly<{
  pace: RepairPace;
  open: number;
  sent: number;
  delivered: number;
  failed: number;
  /** Of what ended or failed first, in order: true where it failed. The last {@link RECENT_MAX} count. */
  recent: readonly boolean[];
  /** Destinations of this operation whose breaker lets nothing in. */
  openBreakers: readonly string[];
}>;

export type RepairStep =
  | Readonly<{ kind: 'send'; phase: RepairPhase; countMax: number }>
  | Readonly<{ kind: 'wait'; phase: RepairPhase }>
  | Readonly<{ kind: 'end'; phase: 'done' | 'stopped'; why: string | null }>;

const FIRST_CANARIES = 1;
const CANARIES = 6;
export const RAMP_FIRST = 10;
/** Under way at once, at most. */
export const RAMP_MAX = 100;
/** One transaction's share. */
const STEP_MAX = 50;
const AT_ONCE_STEP_MAX = 200;
export const RECENT_MAX = 50;
const RECENT_MIN = 10;
const FAILED_SHARE_MAX = 0.2;

export function decideRepair(state: RepairState): RepairStep {
  const { pace, open, sent, delivered, failed, openBreakers } = state;
  if (pace === 'at-once') {
    return open === 0 ? { kind: 'end', phase: 'done', why: null } : { kind: 'send', phase: 'ramp', countMax: AT_ONCE_STEP_MAX };
  }
  const underWay = Math.max(0, sent - delivered - failed);
  const trouble = troubleOf(state);
  if (trouble !== null && (open > 0 || (failed > 0 && sent <= CANARIES))) return { kind: 'end', phase: 'stopped', why: trouble };
  if (open === 0 && underWay === 0) return { kind: 'end', phase: 'done', why: failed > 0 ? `${failed} failed again` : null };
  const isCanary = sent < CANARIES || (sent === CANARIES && underWay > 0);
  const phase = isCanary ? 'canary' : 'ramp';
  if (open === 0 || openBreakers.length > 0) return { kind: 'wait', phase };
  const countMax = isCanary ? canariesToSend(sent, underWay) : Math.min(STEP_MAX, rampWidth(delivered) - underWay);
  return countMax > 0 ? { kind: 'send', phase, countMax } : { kind: 'wait', phase };
}

const canariesToSend = (sent: number, underWay: number): number => {
  if (underWay > 0) return 0;
  return (sent < FIRST_CANARIES ? FIRST_CANARIES : CANARIES) - sent;
};

const rampWidth = (delivered: number): number => Math.min(RAMP_MAX, Math.max(RAMP_FIRST, delivered));

function troubleOf({ sent, failed, recent, openBreakers }: RepairState): string | null {
  if (openBreakers.length > 0) return `the breaker of ${openBreakers.join(', ')} is open`;
  if (failed > 0 && sent <= CANARIES) return `${failed} of ${sent} canaries failed`;
  const last = recent.slice(-RECENT_MAX);
  const bad = last.filter(Boolean).length;
  if (last.length >= RECENT_MIN && bad > last.length * FAILED_SHARE_MAX) return `${bad} of the last ${last.length} failed`;
  return null;
}
