import { describe, expect, it } from '@jest/globals';
import { decideRepair, RAMP_MAX, type RepairState } from './decide-repair.js';

const state = (over: Partial<RepairState> = {}): RepairState => ({
  ...{ pace: 'paced', open: 1_000, sent: 0, delivered: 0, failed: 0, recent: [], openBreakers: [] },
  ...over,
});
const ok = (count: number) => Array.from({ length: count }, () => false);
const bad = (count: number) => Array.from({ length: count }, () => true);
const stopped = (why: string) => ({ kind: 'end', phase: 'stopped', why });

describe('the next step of an operation', () => {
  it.each<[string, Partial<RepairState>, object]>([
    ['one canary', {}, { kind: 'send', phase: 'canary', countMax: 1 }],
    ['its answer is waited for', { sent: 1 }, { kind: 'wait', phase: 'canary' }],
    ['then five', { sent: 1, delivered: 1 }, { kind: 'send', phase: 'canary', countMax: 5 }],
    ['a rest of them', { sent: 3, delivered: 3 }, { kind: 'send', phase: 'canary', countMax: 3 }],
    ['all are waited for', { sent: 6, delivered: 5 }, { kind: 'wait', phase: 'canary' }],
    ['the ramp begins with ten', { sent: 6, delivered: 6 }, { kind: 'send', phase: 'ramp', countMax: 10 }],
    ['no more under way than were delivered', { sent: 30, delivered: 20 }, { kind: 'send', phase: 'ramp', countMax: 10 }],
    ['full', { sent: 40, delivered: 20 }, { kind: 'wait', phase: 'ramp' }],
    ['never more than the bound', { sent: 5_000 + RAMP_MAX, delivered: 5_000 }, { kind: 'wait', phase: 'ramp' }],
    ['in small transactions', { sent: 5_000, delivered: 5_000 }, { kind: 'send', phase: 'ramp', countMax: 50 }],
    ['a failed canary', { sent: 1, failed: 1, recent: bad(1) }, stopped('1 of 1 canaries failed')],
    ['the only one failed', { open: 0, sent: 1, failed: 1, recent: bad(1) }, stopped('1 of 1 canaries failed')],
    [
      'a fifth is let pass',
      { sent: 50, delivered: 40, failed: 10, recent: [...ok(40), ...bad(10)] },
      { kind: 'send', phase: 'ramp', countMax: 40 },
    ],
    ['more is not', { sent: 50, delivered: 39, failed: 11, recent: [...ok(39), ...bad(11)] }, stopped('11 of the last 50 failed')],
    [
      'only the last fifty count',
      { sent: 99, delivered: 80, failed: 19, recent: [...bad(19), ...ok(50)] },
      { kind: 'send', phase: 'ramp', countMax: 50 },
    ],
    [
      'few say nothing yet',
      { sent: 9, delivered: 6, failed: 3, recent: [...ok(6), ...bad(3)] },
      { kind: 'send', phase: 'ramp', countMax: 10 },
    ],
    ['an open breaker', { sent: 50, delivered: 50, recent: ok(50), openBreakers: ['portal'] }, stopped('the breaker of portal is open')],
    ['nothing left to stop', { open: 0, sent: 50, delivered: 40, openBreakers: ['portal'] }, { kind: 'wait', phase: 'ramp' }],
    ['over', { open: 0, sent: 50, delivered: 50 }, { kind: 'end', phase: 'done', why: null }],
    ['over, with failures', { open: 0, sent: 50, delivered: 48, failed: 2 }, { kind: 'end', phase: 'done', why: '2 failed again' }],
    ['a discard asks nobody', { pace: 'at-once', openBreakers: ['portal'] }, { kind: 'send', phase: 'ramp', countMax: 200 }],
    ['a discard ends', { pace: 'at-once', open: 0, sent: 3 }, { kind: 'end', phase: 'done', why: null }],
  ])('%s', (_, over, expected) => {
    expect(decideRepair(state(over))).toEqual(expected);
  });
});
