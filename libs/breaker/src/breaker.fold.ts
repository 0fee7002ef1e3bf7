import type { Outcomes, Slot } from './outcomes.fold.js';

/**
 * The breaker of one destination as a pure fold. All replicas share one state; each event is folded by whoever saw it.
 *
 * | state     | lets in               | entered by                                               | left by                                               |
 * | --------- | --------------------- | -------------------------------------------------------- | ----------------------------------------------------- |
 * | closed    | everything            | the start, the ramp's end, an operator                   | too many failures → open; an operator → open          |
 * | open      | nothing               | a trip, a failed probe, a failure in the ramp, an operator | its time has come and the lease is mine → half-open |
 * | half-open | one probe, by lease   | the probe's begin                                        | success → ramping; failure → open; lapsed → open, due |
 * | ramping   | 1, 2, 4 … in flight   | a probe's success                                        | as many as may be in flight → closed; failures → open |
 *
 * It trips after *more than* `failures` failures in a row, or when at least `share` of `atLeast` outcomes in the window failed.
 *
 * Probes come `first` after the trip and then after each failed probe's end twice as long, up to `max`; without jitter, since one
 * replica alone probes. A trip in the ramp, or soon after it, goes on with the doubling where it was, so a partner that flaps is
 * asked ever more rarely. The doubling is forgotten after a calm time: twice the last wait, at least `calmMinFirsts` times the
 * first one, at most `calmMaxMs`.
 */
export type BreakerPolicy = Readonly<{
  failures: number;
  rate: Readonly<{ share: number; windowMs: number; atLeast: number }>;
  probe: Readonly<{ firstMs: number; maxMs: number }>;
  /** Where the ramp ends: as many requests as may be in flight. */
  rampMax: number;
}>;

export type Phase =
  | Readonly<{ kind: 'closed'; sinceMs: number; streak: number; slots: readonly Slot[] }>
  /** `nextProbeMs` null: an operator opened it, and an operator's word ends it. */
  | Readonly<{ kind: 'open'; nextProbeMs: number | null }>
  | Readonly<{ kind: 'half-open'; token: number; by: string; sinceMs: number }>
  /** `confirmed` and `failed`: of this level. `fromMs`: the ramp's begin; `sinceMs`: the level's. */
  | Readonly<{
      kind: 'ramping';
      by: string;
      level: number;
      confirmed: number;
      failed: number;
      streak: number;
      fromMs: number;
      sinceMs: number;
    }>;

export type Outage = Readonly<{ sinceMs: number; cause: string; probes: number }>;

export type BreakerState = Readonly<{
  phase: Phase;
  /** How many waits for a probe this restless time has had. */
  waits: number;
  /** From the trip until it is closed again. */
  outage: Outage | null;
  /** The one before, for whoever has to say how long it was. */
  last: (Outage & Readonly<{ untilMs: number }>) | null;
}>;

export type BreakerEvent =
  | Readonly<{ kind: 'told'; atMs: number; outcomes: Outcomes; cause: string }>
  | Readonly<{ kind: 'probe-begun'; atMs: number; token: number; by: string }>
  | Readonly<{ kind: 'probe-ended'; atMs: number; token: number; ok: boolean; cause: string }>
  /** Nobody used it: due again, and no wait was spent. */
  | Readonly<{ kind: 'probe-lapsed'; atMs: number; token: number }>
  | Readonly<{ kind: 'time-passed'; atMs: number }>
  | Readonly<{ kind: 'manual'; atMs: number; to: 'open' | 'close' | 'probe'; by: string; reason: string }>;

/** A level without traffic is passed after so long: an idle destination closes, too. */
export const rampIdleMs = 10_000;
const calmMinFirsts = 60;
const calmMaxMs = 600_000;
const doublingsMax = 40;
const slotsOfWindow = 10;

export const closedBreaker = (atMs: number): BreakerState => ({ phase: freshlyClosed(atMs), waits: 0, outage: null, last: null });

/** The same object when nothing follows from the event. */
export function foldBreaker(state: BreakerState, event: BreakerEvent, policy: BreakerPolicy): BreakerState {
  const { phase } = state;
  switch (event.kind) {
    case 'told':
      if (phase.kind === 'closed') return toldWhileClosed(state, phase, event, policy);
      return phase.kind === 'ramping' ? toldInRamp(state, phase, event, policy) : state;
    case 'probe-begun':
      if (phase.kind !== 'open' && !(phase.kind === 'half-open' && phase.token < event.token)) return state;
      return { ...state, phase: { kind: 'half-open', token: event.token, by: event.by, sinceMs: event.atMs } };
    case 'probe-ended':
      return phase.kind === 'half-open' && phase.token === event.token ? probeEnded(state, phase.by, event, policy) : state;
    case 'probe-lapsed':
      if (phase.kind !== 'half-open' || phase.token !== event.token) return state;
      return { ...state, phase: { kind: 'open', nextProbeMs: event.atMs } };
    case 'time-passed':
      if (phase.kind !== 'ramping' || phase.failed > 0 || event.atMs - phase.sinceMs < rampIdleMs) return state;
      return nextLevel(state, phase, event.atMs, policy);
    case 'manual':
      return foldByHand(state, event);
  }
}

/** Metric and pages: 0 closed, 1 half-open, 2 open. */
export const breakerGauge = ({ phase }: BreakerState): 0 | 1 | 2 => (phase.kind === 'closed' ? 0 : phase.kind === 'open' ? 2 : 1);

/** How long the `n`th wait for a probe is, from 1. */
export const probeWaitMs = (n: number, { probe }: BreakerPolicy): number =>
  Math.min(probe.maxMs, probe.firstMs * 2 ** Math.min(n - 1, doublingsMax));

export const slotMs = ({ rate }: BreakerPolicy): number => Math.max(1, Math.ceil(rate.windowMs / slotsOfWindow));

/** Outcomes of requests that were sent before this say nothing about the partner as it is now. */
export function freshFromMs({ phase }: BreakerState): number {
  return phase.kind === 'closed' ? phase.sinceMs : phase.kind === 'ramping' ? phase.fromMs : 0;
}

type Closed = Extract<Phase, { kind: 'closed' }>;
type Ramping = Extract<Phase, { kind: 'ramping' }>;
type ToldEvent = Extract<BreakerEvent, { kind: 'told' }>;

const freshlyClosed = (atMs: number): Closed => ({ kind: 'closed', sinceMs: atMs, streak: 0, slots: [] });

function toldWhileClosed(state: BreakerState, phase: Closed, event: ToldEvent, policy: BreakerPolicy): BreakerState {
  const { outcomes, atMs, cause } = event;
  const { streak, longest } = streaks(phase.streak, outcomes);
  const slots = inWindow([...phase.slots, ...outcomes.slots], atMs, policy);
  if (longest > policy.failures) return trip(state, phase, atMs, policy, `${longest} failures in a row; ${cause}`);
  const failures = slots.reduce((sum, slot) => sum + slot.failures, 0);
  const all = failures + slots.reduce((sum, slot) => sum + slot.successes, 0);
  if (outcomes.failures > 0 && all >= policy.rate.atLeast && failures / all >= policy.rate.share)
    return trip(state, phase, atMs, policy, `${failures} of ${all} requests failed; ${cause}`);
  return { ...state, phase: { ...phase, streak, slots } };
}

/** The run before may go on at the begin; the run at the end may go on afterwards. */
const streaks = (before: number, { leading, longest, trailing, failures, successes }: Outcomes) => ({
  streak: successes > 0 ? trailing : before + failures,
  longest: Math.max(before + leading, longest),
});

/** One slot for each part of the window, the latest last: memory is bounded whatever the traffic is. */
function inWindow(slots: readonly Slot[], atMs: number, policy: BreakerPolicy): Slot[] {
  const now = Math.floor(atMs / slotMs(policy));
  const byTime = new Map<number, Slot>();
  for (const { at, failures, successes } of slots) {
    if (at <= now - slotsOfWindow || at > now) continue;
    const before = byTime.get(at);
    byTime.set(at, { at, failures: failures + (before?.failures ?? 0), successes: successes + (before?.successes ?? 0) });
  }
  return [...byTime.values()].sort((a, b) => a.at - b.at);
}

function trip(state: BreakerState, { sinceMs }: Closed, atMs: number, policy: BreakerPolicy, cause: string): BreakerState {
  const calmMs = Math.min(calmMaxMs, Math.max(calmMinFirsts * policy.probe.firstMs, 2 * probeWaitMs(state.waits, policy)));
  const before = atMs - sinceMs >= calmMs ? 0 : state.waits;
  return opened({ ...state, waits: before, outage: { sinceMs: atMs, cause, probes: 0 } }, atMs, policy);
}

/** Open for one wait more, twice as long as the last. */
function opened(state: BreakerState, atMs: number, policy: BreakerPolicy): BreakerState {
  const waits = state.waits + 1;
  return { ...state, waits, phase: { kind: 'open', nextProbeMs: atMs + probeWaitMs(waits, policy) } };
}

function probeEnded(
  state: BreakerState,
  by: string,
  { atMs, ok, cause }: Extract<BreakerEvent, { kind: 'probe-ended' }>,
  policy: BreakerPolicy,
): BreakerState {
  const outage = state.outage ?? { sinceMs: atMs, cause, probes: 0 };
  const probed: BreakerState = { ...state, outage: { ...outage, probes: outage.probes + 1 } };
  if (!ok) return opened(probed, atMs, policy);
  const phase: Ramping = { kind: 'ramping', by, level: 1, confirmed: 0, failed: 0, streak: 0, fromMs: atMs, sinceMs: atMs };
  return policy.rampMax <= 1 ? closed(probed, atMs) : { ...probed, phase };
}

/** In the ramp fewer failures are enough: more than half of a level, or of the first level one. */
function toldInRamp(state: BreakerState, phase: Ramping, { atMs, outcomes, cause }: ToldEvent, policy: BreakerPolicy): BreakerState {
  const { streak, longest } = streaks(phase.streak, outcomes);
  const failed = phase.failed + outcomes.failures;
  if (failed > phase.level / 2 || longest > policy.failures) {
    const outage = state.outage ?? { sinceMs: atMs, cause, probes: 0 };
    return opened({ ...state, outage: { ...outage, cause: `failed again at ${phase.level} in flight; ${cause}` } }, atMs, policy);
  }
  const counted: BreakerState = { ...state, phase: { ...phase, failed, streak, confirmed: phase.confirmed + outcomes.successes } };
  return climbed(counted, atMs, policy);
}

/** A level is passed by as many successes as it lets in. */
function climbed(state: BreakerState, atMs: number, policy: BreakerPolicy): BreakerState {
  let here = state;
  while (here.phase.kind === 'ramping' && here.phase.confirmed >= here.phase.level) here = nextLevel(here, here.phase, atMs, policy);
  return here;
}

function nextLevel(state: BreakerState, phase: Ramping, atMs: number, policy: BreakerPolicy): BreakerState {
  const level = phase.level * 2;
  if (level >= policy.rampMax) return closed(state, atMs);
  const confirmed = Math.max(0, phase.confirmed - phase.level);
  return { ...state, phase: { ...phase, level, confirmed, failed: 0, sinceMs: atMs } };
}

const closed = (state: BreakerState, atMs: number): BreakerState => ({
  ...state,
  phase: freshlyClosed(atMs),
  outage: null,
  last: state.outage && { ...state.outage, untilMs: atMs },
});

/** An operator's word; no policy speaks against it. */
export function foldByHand(state: BreakerState, { to, atMs, by, reason }: Extract<BreakerEvent, { kind: 'manual' }>): BreakerState {
  const { phase, outage } = state;
  if (to === 'close') return phase.kind === 'closed' ? state : { ...closed(state, atMs), waits: 0 };
  if (to === 'probe') return phase.kind === 'open' ? { ...state, phase: { kind: 'open', nextProbeMs: atMs } } : state;
  const cause = `opened by ${by}: ${reason}`;
  return { ...state, phase: { kind: 'open', nextProbeMs: null }, outage: { sinceMs: atMs, probes: 0, ...outage, cause } };
}
