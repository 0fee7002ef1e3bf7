import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  breakerGauge,
  closedBreaker,
  foldBreaker,
  probeWaitMs,
  rampIdleMs,
  type BreakerEvent,
  type BreakerPolicy,
  type BreakerState,
} from './breaker.fold.js';
import { joined, noOutcomes, oneFailure, successes, type Outcomes } from './outcomes.fold.js';

// Goal: trips neither early nor late, probes at the times that are stated, never runs ahead in the ramp, and a flapping partner is
// asked ever more rarely. Method: tables of outcomes, properties over any sequence of events, and three simulated days.
const policy: BreakerPolicy = {
  failures: 5,
  rate: { share: 0.5, windowMs: 30_000, atLeast: 20 },
  probe: { firstMs: 1_000, maxMs: 4 * 3_600_000 },
  rampMax: 16,
};
const t0 = 1_700_000_000_000;
const slot = (atMs: number): number => Math.floor(atMs / 3_000);
const failure = (atMs: number): BreakerEvent => ({ kind: 'told', atMs, outcomes: oneFailure(slot(atMs)), cause: '500' });
const success = (atMs: number, count = 1): BreakerEvent => ({
  kind: 'told',
  atMs,
  outcomes: successes([{ at: slot(atMs), failures: 0, successes: count }]),
  cause: '',
});
const fold = (state: BreakerState, ...events: readonly BreakerEvent[]): BreakerState =>
  events.reduce((folded, event) => foldBreaker(folded, event, policy), state);
/** `f` a failure, `s` a success, one each 10 ms. */
const after = (story: string, from = closedBreaker(t0), atMs = t0): BreakerState =>
  fold(from, ...[...story].map((each, n) => (each === 'f' ? failure(atMs + n * 10) : success(atMs + n * 10))));

let token = 0;
const begun = (atMs: number): BreakerEvent => ({ kind: 'probe-begun', atMs, token: ++token, by: 'a' });
const ended = (atMs: number, ok: boolean): BreakerEvent => ({ kind: 'probe-ended', atMs, token, ok, cause: ok ? '' : '503' });
const dueMs = ({ phase }: BreakerState): number => (phase.kind === 'open' ? phase.nextProbeMs! : NaN);
const levelOf = ({ phase }: BreakerState): number | string => (phase.kind === 'ramping' ? phase.level : phase.kind);

describe('the trip', () => {
  it.each([
    ['five in a row are not too many', 'fffff', 'closed'],
    ['six are', 'ffffff', 'open'],
    ['a success between begins the run anew', 'fffffsfffff', 'closed'],
    ['and six after it trip', 'fffffsffffff', 'open'],
    ['half of twenty', 'sf'.repeat(10), 'open'],
    ['half of nineteen are too few to tell', 'f' + 'sf'.repeat(9), 'closed'],
    ['less than half of many', 'ssf'.repeat(30), 'closed'],
  ])('%s', (_name, story, kind) => {
    expect(after(story).phase.kind).toBe(kind);
  });

  it('forgets what lies before the window', () => {
    const old = after('sf'.repeat(9));
    expect(after('sf', old, t0 + 30_000).phase.kind).toBe('closed');
    expect(after('sf', old, t0 + 20_000).phase.kind).toBe('open');
  });

  it('keeps no more of the window than its parts, however long it runs', () => {
    let state = closedBreaker(t0);
    for (let n = 0; n < 500; n++) state = fold(state, success(t0 + n * 700), failure(t0 + n * 700), success(t0 + n * 700, 5));
    expect(state.phase).toMatchObject({ kind: 'closed' });
    expect(state.phase.kind === 'closed' && state.phase.slots.length).toBeLessThanOrEqual(10);
  });

  it('says why, since when, and what the last answer was', () => {
    expect(after('ffffff').outage).toEqual({ sinceMs: t0 + 50, cause: '6 failures in a row; 500', probes: 0 });
    expect(breakerGauge(after('ffffff'))).toBe(2);
  });

  it('tells the same of a batch as of its outcomes one by one', () => {
    const outcomeOf = (isFailure: boolean): Outcomes =>
      isFailure ? oneFailure(slot(t0)) : successes([{ at: slot(t0), failures: 0, successes: 1 }]);
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 19 }), fc.integer({ min: 0, max: 19 }), (story, cut) => {
        const single = fold(closedBreaker(t0), ...story.map((each) => (each ? failure(t0) : success(t0))));
        const batch = (part: readonly boolean[]): BreakerEvent => ({
          kind: 'told',
          atMs: t0,
          outcomes: part.map(outcomeOf).reduce(joined, noOutcomes),
          cause: '500',
        });
        const batched = fold(closedBreaker(t0), batch(story.slice(0, cut)), batch(story.slice(cut)));
        expect(batched.phase.kind).toBe(single.phase.kind);
        if (single.phase.kind === 'closed') expect(batched.phase).toEqual(single.phase);
      }),
    );
  });
});

describe('probes', () => {
  it('come after 1, 2, 4, 8 … s, cap at 4 h, and go on every 4 h, for three days', () => {
    let state = after('ffffff');
    let nowMs = t0 + 50;
    const waits: number[] = [];
    while (nowMs < t0 + 3 * 86_400_000) {
      waits.push(dueMs(state) - nowMs);
      nowMs = dueMs(state);
      state = fold(state, begun(nowMs));
      expect(state.phase.kind).toBe('half-open');
      state = fold(state, ended(nowMs, false));
    }
    const doubling = Array.from({ length: 14 }, (_, n) => 1_000 * 2 ** n);
    expect(waits.slice(0, 14)).toEqual(doubling);
    expect(waits.length).toBe(14 + 17);
    expect(new Set(waits.slice(14))).toEqual(new Set([4 * 3_600_000]));
    expect(state.outage!.probes).toBe(waits.length);
  });

  it('never number a wait above the cap or beyond what a number holds', () => {
    for (const n of [1, 15, 60, 10_000]) expect(probeWaitMs(n, policy)).toBeLessThanOrEqual(policy.probe.maxMs);
  });

  it('count only under the number that probes now', () => {
    const state = fold(after('ffffff'), begun(t0 + 1_100));
    expect(fold(state, { kind: 'probe-ended', atMs: t0 + 1_200, token: token - 1, ok: true, cause: '' })).toBe(state);
    expect(fold(state, { kind: 'probe-begun', atMs: t0 + 1_200, token: token - 1, by: 'b' })).toBe(state);
    expect(fold(state, { kind: 'probe-begun', atMs: t0 + 1_200, token: token + 1, by: 'b' }).phase).toMatchObject({ by: 'b' });
  });

  it('that nobody used cost no wait', () => {
    const state = fold(after('ffffff'), begun(t0 + 1_100), { kind: 'probe-lapsed', atMs: t0 + 3_000, token: ++token - 1 });
    expect(state).toMatchObject({ phase: { kind: 'open', nextProbeMs: t0 + 3_000 }, waits: 1, outage: { probes: 0 } });
  });
});

const ramping = (): BreakerState => fold(after('ffffff'), begun(t0 + 2_000), ended(t0 + 2_100, true));

describe('the ramp', () => {
  it('lets in 1, 2, 4, 8, each confirmed by as many successes, and then closes', () => {
    let state = ramping();
    const levels: (number | string)[] = [];
    for (let n = 0; n < 15; n++) {
      levels.push(levelOf(state));
      state = fold(state, success(t0 + 3_000 + n));
    }
    expect(levels).toEqual([1, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8]);
    expect(state).toMatchObject({ phase: { kind: 'closed' }, outage: null, last: { sinceMs: t0 + 50, untilMs: t0 + 3_014, probes: 1 } });
    expect(breakerGauge(ramping())).toBe(1);
  });

  it.each([
    ['the first one fails', 'f', 'open'],
    ['one of two fails', 'sf', 2],
    ['both of two fail', 'sff', 'open'],
    ['two of four fail', 'sssff', 4],
    ['three of four fail', 'sssfff', 'open'],
    ['five of eight fail', 'sssssssfffff', 'open'],
  ])('%s', (_name, story, level) => {
    expect(levelOf(after(story, ramping(), t0 + 3_000))).toBe(level);
  });

  it('goes on with the doubling when it fails, and remembers since when', () => {
    const again = after('f', ramping(), t0 + 3_000);
    expect(dueMs(again)).toBe(t0 + 3_000 + 2_000);
    expect(again.outage).toMatchObject({ sinceMs: t0 + 50, cause: 'failed again at 1 in flight; 500' });
  });

  it('passes a level without traffic, so that an idle destination closes', () => {
    let state = ramping();
    let nowMs = t0 + 2_100;
    expect(fold(state, { kind: 'time-passed', atMs: nowMs + rampIdleMs - 1 })).toBe(state);
    for (let n = 0; n < 4; n++) state = fold(state, { kind: 'time-passed', atMs: (nowMs += rampIdleMs) });
    expect(state.phase.kind).toBe('closed');
  });
});

describe('a flapping partner', () => {
  const recovered = (state: BreakerState, nowMs: number): BreakerState =>
    after('s'.repeat(15), fold(state, begun(nowMs), ended(nowMs, true)), nowMs);

  it('is asked ever more rarely: down again soon after it was closed, the doubling goes on', () => {
    let state = after('ffffff');
    let nowMs = t0 + 50;
    const waits: number[] = [];
    for (let round = 0; round < 8; round++) {
      waits.push(dueMs(state) - nowMs);
      nowMs = dueMs(state);
      state = recovered(state, nowMs);
      expect(state.phase.kind).toBe('closed');
      nowMs += 5_000;
      state = after('ffffff', state, nowMs);
      nowMs += 50;
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128].map((seconds) => seconds * 1_000));
  });

  it('is forgiven after a calm time', () => {
    const calm = recovered(after('ffffff'), t0 + 1_050);
    expect(dueMs(after('ffffff', calm, t0 + 40_000)) - (t0 + 40_050)).toBe(2_000);
    expect(dueMs(after('ffffff', calm, t0 + 70_000)) - (t0 + 70_050)).toBe(1_000);
  });
});

describe('an operator', () => {
  const by = { kind: 'manual', by: 'ada', reason: 'maintenance' } as const;

  it('opens it until told otherwise, and no outcome ends that', () => {
    const state = fold(closedBreaker(t0), { ...by, to: 'open', atMs: t0 });
    expect(state).toMatchObject({ phase: { kind: 'open', nextProbeMs: null }, outage: { cause: 'opened by ada: maintenance' } });
    expect(after('s'.repeat(50), state)).toBe(state);
  });

  it('lets it be probed at once, and closes it without a ramp and without a memory of waits', () => {
    const open = after('ffffff');
    expect(dueMs(fold(open, { ...by, to: 'probe', atMs: t0 + 60 }))).toBe(t0 + 60);
    expect(fold(open, { ...by, to: 'close', atMs: t0 + 60 })).toMatchObject({
      phase: { kind: 'closed' },
      waits: 0,
      last: { untilMs: t0 + 60 },
    });
  });
});

describe('any sequence of events', () => {
  const events = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 20_000 }),
      what: fc.constantFrom('fail', 'succeed', 'many', 'begin', 'ok', 'failed', 'lapse', 'time', 'open', 'close', 'probe'),
    }),
    { maxLength: 120 },
  );

  it('keeps what holds in every state', () => {
    fc.assert(
      fc.property(events, (story) => {
        let state = closedBreaker(t0);
        let nowMs = t0;
        let last = 0;
        for (const { afterMs, what } of story) {
          nowMs += afterMs;
          const before = state;
          state = fold(state, eventOf(what, nowMs, what === 'begin' ? ++last : last));
          const { phase } = state;
          // Open, half-open and ramping belong to an outage; closed does not.
          expect(state.outage === null).toBe(phase.kind === 'closed');
          if (phase.kind === 'open' && phase.nextProbeMs !== null)
            expect(phase.nextProbeMs - nowMs).toBeLessThanOrEqual(policy.probe.maxMs);
          // Nothing but a probe's success leads from open to where deliveries go in; an operator's word aside.
          if (before.phase.kind === 'open' && what !== 'close') expect(['open', 'half-open']).toContain(phase.kind);
          if (phase.kind === 'ramping' && before.phase.kind === 'ramping') expect([1, 2]).toContain(phase.level / before.phase.level);
          if (phase.kind === 'half-open' && before.phase.kind === 'half-open')
            expect(phase.token).toBeGreaterThanOrEqual(before.phase.token);
        }
      }),
    );
  });

  function eventOf(what: string, atMs: number, number: number): BreakerEvent {
    switch (what) {
      case 'fail':
        return failure(atMs);
      case 'succeed':
        return success(atMs);
      case 'many':
        return {
          ...(failure(atMs) as Extract<BreakerEvent, { kind: 'told' }>),
          outcomes: [1, 2, 3].map(() => oneFailure(slot(atMs))).reduce(joined),
        };
      case 'begin':
        return { kind: 'probe-begun', atMs, token: number, by: 'a' };
      case 'ok':
      case 'failed':
        return { kind: 'probe-ended', atMs, token: number, ok: what === 'ok', cause: '' };
      case 'lapse':
        return { kind: 'probe-lapsed', atMs, token: number };
      case 'time':
        return { kind: 'time-passed', atMs };
      default:
        return { kind: 'manual', atMs, to: what as 'open' | 'close' | 'probe', by: 'ada', reason: 'r' };
    }
  }
});
