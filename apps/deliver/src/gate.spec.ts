import { describe, expect, it } from '@jest/globals';
import { HoldValve } from '#libs/delivery/src/index.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { Gate } from './gate.js';
import { ScriptedValve, toldOf } from '#libs/delivery/src/testing/scripted-valve.js';

// Goal: never more inside than allowed, nobody while it is held, first come first served, and nobody forgotten.
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const retryBudget = { share: 0.2, minPerSecond: 10 };

function world(maxInFlight: number, ...valves: ScriptedValve[]) {
  const clock = new ManualClock();
  const gate = new Gate(clock, { maxInFlight, retryBudget, valves });
  const order: string[] = [];
  const enter = (name: string, group: object = gate, isRetry = false): void =>
    void gate.enter(group, isRetry).then((isIn) => order.push(`${name}${isIn ? '' : ' dismissed'}`));
  return { clock, gate, order, enter };
}

describe('Gate', () => {
  it('lets in as many as may be in flight, and the next when one leaves', async () => {
    const { gate, order, enter } = world(2);
    ['a', 'b', 'c', 'd'].forEach((name) => enter(name));
    await turn();
    expect(order).toEqual(['a', 'b']);
    gate.leave();
    await turn();
    expect(order).toEqual(['a', 'b', 'c']);
    gate.leave();
    gate.leave();
    await turn();
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  it('lets nobody in while it is held, and all who may when the time has come', async () => {
    const { clock, gate, order, enter } = world(3);
    gate.hold(clock.nowMs() + 1_000);
    ['a', 'b', 'c', 'd'].forEach((name) => enter(name));
    await clock.advance(999);
    expect(order).toEqual([]);
    expect(gate.holding()).toMatchObject({ reason: 'throttled' });
    await clock.advance(1);
    expect(order).toEqual(['a', 'b', 'c']);
    expect(gate.holding()).toBeNull();
  });

  it('keeps the longer of two holds', async () => {
    const { clock, gate, order, enter } = world(1);
    const nowMs = clock.nowMs();
    gate.hold(nowMs + 1_000);
    gate.hold(nowMs + 500);
    await clock.advance(200);
    gate.hold(nowMs + 2_000);
    enter('a');
    await clock.advance(1_500);
    expect(order).toEqual([]);
    await clock.advance(300);
    expect(order).toEqual(['a']);
  });

  it('holds again after a hold', async () => {
    const { clock, gate, order, enter } = world(1);
    gate.hold(clock.nowMs() + 100);
    await clock.advance(100);
    gate.hold(clock.nowMs() + 100);
    enter('a');
    await clock.advance(99);
    expect(order).toEqual([]);
    await clock.advance(1);
    expect(order).toEqual(['a']);
  });

  it('sends a partition away, and keeps the others in their order', async () => {
    const { gate, order, enter } = world(1);
    const [mine, theirs] = [{}, {}];
    enter('first', mine);
    enter('gone', mine);
    enter('stays', theirs);
    gate.dismiss(mine);
    await turn();
    expect(order).toEqual(['first', 'gone dismissed']);
    gate.leave();
    await turn();
    expect(order).toEqual(['first', 'gone dismissed', 'stays']);
  });

  it('lets in no more than the tightest valve, and looks again when one has changed', async () => {
    const [wide, tight] = [new ScriptedValve(), new ScriptedValve()];
    const { gate, order, enter } = world(8, wide, tight);
    Object.assign(wide, { allowed: 3 });
    Object.assign(tight, { allowed: 1 });
    ['a', 'b', 'c', 'd'].forEach((name) => enter(name));
    await turn();
    expect(order).toEqual(['a']);
    tight.set(2);
    await turn();
    expect(order).toEqual(['a', 'b']);
    tight.set(Infinity);
    await turn();
    expect(order).toEqual(['a', 'b', 'c']);
    gate.leave();
    await turn();
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  it('takes what a request costs only when every limit allows it, once for each, and waits for more of it', async () => {
    const [shut, rate] = [new ScriptedValve(), new ScriptedValve()];
    const { gate, order, enter } = world(8, rate, shut);
    shut.allowed = 0;
    rate.tokens = 2;
    ['a', 'b', 'c'].forEach((name) => enter(name));
    await turn();
    expect([rate.taken, order]).toEqual([0, []]);
    shut.set(Infinity);
    await turn();
    expect([rate.taken, order]).toEqual([2, ['a', 'b']]);
    gate.leave();
    await turn();
    expect(order).toEqual(['a', 'b']);
    rate.refill(1);
    await turn();
    expect([rate.taken, order]).toEqual([3, ['a', 'b', 'c']]);
  });

  it('takes what another request of somebody inside costs, and sends out whoever finds none, or a hold', async () => {
    const [shut, rate] = [new ScriptedValve(), new ScriptedValve()];
    const { gate, order, enter } = world(8, rate, shut);
    rate.tokens = 2;
    enter('a');
    expect([gate.goesOn(), rate.taken]).toEqual([true, 2]);
    expect(gate.goesOn()).toBe(false);
    rate.refill(2);
    shut.hold('breaker');
    expect([gate.goesOn(), rate.taken]).toEqual([false, 2]);
    shut.hold(null);
    expect([gate.goesOn(), rate.taken]).toEqual([true, 3]);
    await turn();
    expect(order).toEqual(['a']);
  });

  it('lets nobody past those who wait, though there is room', async () => {
    const valve = new ScriptedValve();
    const { gate, order, enter } = world(8, valve);
    valve.tokens = 0;
    enter('first');
    await turn();
    valve.tokens = 1;
    expect(gate.enterNow(false)).toBe(false);
    gate.enter(gate, false).catch(() => {});
    valve.refill(0);
    await turn();
    expect(order).toEqual(['first']);
  });

  it('is not led astray by a valve that calls back while it is asked', async () => {
    const valve = new ScriptedValve();
    const { order, enter } = world(2, valve);
    valve.tokens = 0;
    ['a', 'b', 'c'].forEach((name) => enter(name));
    valve.onTake = () => valve.set(2);
    valve.refill(9);
    await turn();
    expect(order).toEqual(['a', 'b']);
  });

  it('names all that holds it, the most telling first, and hands every outcome to every valve', () => {
    const [breaker, paused] = [new ScriptedValve(), new ScriptedValve()];
    const { clock, gate } = world(2, breaker, paused);
    expect(gate.isTold).toBe(true);
    expect(gate.holding()).toBeNull();
    breaker.hold('breaker');
    gate.hold(clock.nowMs() + 5);
    paused.hold('paused');
    expect(gate.holdings().map(({ reason }) => reason)).toEqual(['paused', 'breaker', 'throttled']);
    expect(gate.holding()).toMatchObject({ reason: 'paused' });
    gate.told(toldOf('transient'));
    expect([breaker.heard, paused.heard]).toEqual([['transient'], ['transient']]);
  });

  it('wants to hear of nothing without valves', () => {
    expect(world(1).gate.isTold).toBe(false);
  });

  it('opens at once when a hold ends early, and closes again for as long as the next one says', async () => {
    const clock = new ManualClock();
    const pause = new HoldValve(clock, 'paused');
    const gate = new Gate(clock, { maxInFlight: 1, retryBudget, valves: [pause] });
    pause.hold(null, 'an operator');
    expect(gate.enterNow(false)).toBe(false);
    await clock.advance(86_400_000);
    expect(gate.holding()).toMatchObject({ reason: 'paused', untilMs: null, detail: 'an operator' });
    pause.release();
    expect(gate.enterNow(false)).toBe(true);
    gate.leave();
    pause.hold(clock.nowMs() + 1_000);
    pause.release();
    pause.hold(clock.nowMs() + 10);
    const entered = gate.enter(gate, false);
    await clock.advance(10);
    expect(await entered).toBe(true);
  });

  it('lets fresh ones past retries that are over the budget, and those go on as the budget grows', async () => {
    const clock = new ManualClock();
    const gate = new Gate(clock, { maxInFlight: 2, retryBudget: { share: 0, minPerSecond: 1 }, valves: [] });
    // 10 s' worth are saved at the start.
    for (let n = 0; n < 10; n++) {
      expect(gate.enterNow(true)).toBe(true);
      gate.leave();
    }
    expect(gate.isOverBudget()).toBe(true);
    const order: string[] = [];
    const enter = (name: string, isRetry: boolean): void => void gate.enter(gate, isRetry).then(() => order.push(name));
    ['retry 1', 'retry 2'].forEach((name) => enter(name, true));
    ['fresh 1', 'fresh 2', 'fresh 3'].forEach((name) => enter(name, false));
    await turn();
    expect(order).toEqual(['fresh 1', 'fresh 2']);
    expect(gate.holding()).toMatchObject({ reason: 'retry-budget', sinceMs: clock.nowMs() });
    gate.leave();
    await turn();
    expect(order).toEqual(['fresh 1', 'fresh 2', 'fresh 3']);
    gate.leave();
    gate.leave();
    await clock.advance(999);
    expect(order).toHaveLength(3);
    await clock.advance(1);
    expect(order.slice(3)).toEqual(['retry 1']);
    await clock.advance(1_000);
    expect(order.slice(3)).toEqual(['retry 1', 'retry 2']);
    gate.leave();
    expect(gate.holding()).toBeNull();
  });

  it('gives back what a retry cost when it did not fail, and keeps the order of arrival within the budget', async () => {
    const clock = new ManualClock();
    const gate = new Gate(clock, { maxInFlight: 1, retryBudget: { share: 0, minPerSecond: 0 }, valves: [] });
    const order: string[] = [];
    for (let n = 0; n < 50; n++) {
      expect(gate.enterNow(true)).toBe(true);
      gate.paidBack();
      gate.leave();
    }
    gate.enterNow(false);
    for (const name of ['retry', 'fresh']) void gate.enter(gate, name === 'retry').then(() => order.push(name));
    gate.leave();
    await turn();
    gate.leave();
    await turn();
    expect(order).toEqual(['retry', 'fresh']);
  });

  it('says under which hold a failure is nobody’s own', () => {
    const [one, other] = [new ScriptedValve(), new ScriptedValve()];
    const { clock, gate } = world(1, one, other);
    gate.hold(clock.nowMs() + 10);
    one.hold('rate-limit');
    expect(gate.outage(0)).toBeNull();
    other.hold('breaker');
    expect(gate.outage(0)).toBe('breaker');
  });

  it('calls a failure its own where others pass and it alone fails, though it is held', () => {
    const valve = new ScriptedValve();
    const { gate } = world(1, valve);
    valve.hold('breaker');
    gate.count('delivered');
    gate.count('transient');
    expect([gate.heldBy(null, 0), gate.heldBy(1, 0), gate.heldBy(0, 0)]).toEqual(['breaker', 'breaker', null]);
    gate.count('unknown');
    expect(gate.heldBy(0, 0)).toBe('breaker');
    gate.count('delivered');
    gate.count('business');
    gate.count('transient');
    expect(gate.heldBy(0, 0)).toBeNull();
  });

  it('asks a valve that lets in whether it spares what began then, once the replicas agree', async () => {
    const valve = Object.assign(new ScriptedValve(), { spares: (beganMs: number) => (beganMs < 5 ? ('breaker' as const) : null) });
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = Object.assign(new ScriptedValve(), { agreed: () => promise });
    const { gate } = world(1, valve, slow);
    expect([gate.outage(4), gate.outage(5)]).toEqual(['breaker', null]);
    let isAgreed = false;
    const agreed = gate.agreed().then(() => (isAgreed = true));
    await turn();
    expect(isAgreed).toBe(false);
    resolve();
    await agreed;
  });
});
