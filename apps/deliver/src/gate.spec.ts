import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { Gate } from './gate.js';

// Goal: never more inside than allowed, nobody while it is held, first come first served, and nobody forgotten.
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function world(maxInFlight: number) {
  const clock = new ManualClock();
  const gate = new Gate(clock, maxInFlight);
  const order: string[] = [];
  const enter = (name: string, group: object = gate): void =>
    void gate.enter(group).then((isIn) => order.push(`${name}${isIn ? '' : ' dismissed'}`));
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
    gate.hold(clock.nowMs() + 1_000, 'throttled');
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
    gate.hold(nowMs + 1_000, 'throttled');
    gate.hold(nowMs + 500, 'throttled');
    await clock.advance(200);
    gate.hold(nowMs + 2_000, 'throttled');
    enter('a');
    await clock.advance(1_500);
    expect(order).toEqual([]);
    await clock.advance(300);
    expect(order).toEqual(['a']);
  });

  it('holds again after a hold', async () => {
    const { clock, gate, order, enter } = world(1);
    gate.hold(clock.nowMs() + 100, 'throttled');
    await clock.advance(100);
    gate.hold(clock.nowMs() + 100, 'throttled');
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
});
