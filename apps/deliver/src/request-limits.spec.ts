import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Outcome } from '#libs/delivery/src/index.js';
import { ScriptedValve } from '#libs/delivery/src/testing/scripted-valve.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { RateLimitValve } from '#libs/limits/src/index.js';
import { MemoryRateStore } from '#libs/limits/src/rate-store.memory.js';
import { BulkSender } from './bulk-sender.js';
import type { OutboundRequest } from './deliver.ports.js';
import { Gate } from './gate.js';
import { RequestLimits } from './request-limits.js';

// Goal: where one request carries many events, limits count requests, and who waits for one does not wait inside.
// Method: a gate, a bulk sender and its limits put together as a destination has them, over time that the test moves.
beforeEach(() => void jest.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void jest.useRealTimers());

const ok: Outcome = { kind: 'responded', status: 200, retryAfterMs: null, body: null };
const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => Date.now(),
  sleep: (ms, stop) =>
    new Promise((done) => {
      const timer = setTimeout(done, ms);
      stop?.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true });
    }),
};
const retryBudget = { share: 0.2, minPerSecond: 10 };

function world(limits: RequestLimits, { maxEvents = 10, requestsMax = 8, tookMs = 5, timeoutMs = 10_000 } = {}) {
  const sent: { atMs: number; events: number }[] = [];
  let most = 0;
  let underWay = 0;
  let inside = 0;
  let insideMost = 0;
  const inner = {
    send: async ({ headers }: OutboundRequest): Promise<Outcome> => {
      sent.push({ atMs: Date.now() - 1_000_000, events: Number(headers['x-holdfast-batch']) });
      most = Math.max(most, ++underWay);
      await clock.sleep(tookMs);
      underWay--;
      return ok;
    },
  };
  const bulk = new BulkSender(inner, {
    maxEvents,
    maxWaitMs: 20,
    maxBytes: 10_000,
    format: 'json-array',
    key: null,
    results: null,
    atomic: true,
    requestsMax,
    limits,
    timeoutMs,
    signing: null,
    clock,
  });
  const gate = new Gate(clock, { maxInFlight: maxEvents * requestsMax, retryBudget, valves: limits.valves });
  const ended: string[] = [];
  const deliver = async (n: number): Promise<void> => {
    for (;;) {
      await gate.enter(gate, false);
      insideMost = Math.max(insideMost, ++inside);
      const deadline = { wallMs: Date.now() + timeoutMs, monotonicMs: Date.now() + timeoutMs };
      const { kind } = await bulk.send({ method: 'POST', path: '/b', headers: {}, body: Buffer.from(`{"n":${n}}`) }, deadline);
      inside--;
      gate.leave();
      ended.push(kind);
      if (kind !== 'not-sent') return;
    }
  };
  return {
    sent,
    ended,
    most: () => most,
    insideMost: () => insideMost,
    deliver: (count: number) => Promise.all(Array.from({ length: count }, (_, n) => deliver(n))),
  };
}
const pass = (ms: number): Promise<unknown> => jest.advanceTimersByTimeAsync(ms);

describe('the limits of bulk requests', () => {
  it('take one token for a request, however many events it carries', async () => {
    const rate = { perSecond: 10, burst: 10 };
    const valve = new RateLimitValve({ destination: 'portal', rate, store: new MemoryRateStore(clock), clock });
    const { sent, ended, deliver } = world(new RequestLimits([valve], 10));
    void deliver(1_000);
    await pass(5_000);
    const inSecond = [0, 1, 2, 3, 4].map((second) => sent.filter(({ atMs }) => Math.floor(atMs / 1_000) === second).length);
    expect(Math.max(...inSecond.slice(1))).toBeLessThanOrEqual(11);
    expect(inSecond[0]).toBeLessThanOrEqual(20);
    // Nine tenths of the rate in requests, each of ten events: not of the rate in events.
    expect(sent.length).toBeGreaterThanOrEqual(45);
    expect(sent.every(({ events }) => events === 10)).toBe(true);
    expect(ended.every((kind) => kind === 'responded')).toBe(true);
    await valve.close();
  });

  it('keep who waits for a request outside, but for what one more carries', async () => {
    const valve = new ScriptedValve();
    valve.tokens = 2;
    const { sent, ended, insideMost, deliver } = world(new RequestLimits([valve], 10), { tookMs: 100 });
    void deliver(80);
    await pass(150);
    expect(sent).toHaveLength(2);
    expect(valve.taken).toBe(2);
    valve.refill(1);
    await pass(150);
    expect(sent).toHaveLength(3);
    expect(ended).toHaveLength(30);
    valve.refill(100);
    await pass(300);
    expect([sent.length, ended.length, valve.taken]).toEqual([8, 80, 8]);
    expect(insideMost()).toBeLessThanOrEqual(80);
  });

  it('send back who has waited inside for half of his time, with nothing taken for him', async () => {
    const valve = new ScriptedValve();
    valve.tokens = 0;
    const { sent, ended, deliver, insideMost } = world(new RequestLimits([valve], 10), { timeoutMs: 1_000 });
    void deliver(10);
    await pass(30);
    void deliver(50);
    await pass(1_200);
    expect(sent).toHaveLength(0);
    expect(ended.every((kind) => kind === 'not-sent')).toBe(true);
    expect(ended.length).toBeGreaterThanOrEqual(10);
    expect(insideMost()).toBe(10);
    valve.refill(6);
    await pass(200);
    expect([sent.length, valve.taken]).toEqual([6, 6]);
    expect(ended.filter((kind) => kind === 'responded')).toHaveLength(60);
  });

  it('count requests under way where concurrency is limited, and let none go while held', async () => {
    const valve = new ScriptedValve();
    valve.set(2);
    const { sent, most, deliver } = world(new RequestLimits([valve], 10), { tookMs: 50 });
    void deliver(60);
    await pass(60);
    expect(most()).toBe(2);
    expect(sent).toHaveLength(4);
    valve.hold('throttled');
    await pass(500);
    expect(sent).toHaveLength(4);
    valve.hold(null);
    await pass(100);
    expect(sent).toHaveLength(6);
  });
});
