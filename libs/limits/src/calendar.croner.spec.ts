// Goal: a partner is not called in its windows, whatever daylight saving does to them.
import { describe, expect, it } from '@jest/globals';
import { cronCalendar } from './calendar.croner.js';
import type { Window } from './calendar.port.js';

const maintenance = (opens: string, ms: number, timeZone = 'Europe/Berlin'): Window => ({
  opens,
  timeZone,
  lasts: { kind: 'for', ms },
  detail: opens,
});
const night = (opens: string, closes: string, timeZone = 'Europe/Berlin'): Window => ({
  opens,
  timeZone,
  lasts: { kind: 'until', cron: closes },
  detail: 'night',
});
const hour = 3_600_000;
const at = (text: string): number => Date.parse(text);
const spell = (closed: { sinceMs: number; untilMs: number } | null): string =>
  closed ? `${new Date(closed.sinceMs).toISOString().slice(0, 16)} to ${new Date(closed.untilMs).toISOString().slice(0, 16)}` : 'open';

describe('a partner that is closed', () => {
  const sunday = maintenance('0 2 * * SUN', 2 * hour);
  const quiet = night('0 22 * * *', '0 6 * * *');
  it.each<[string, Window[], string, string]>([
    ['a winter Sunday, before', [sunday], '2026-01-11T00:59:59.999Z', 'open'],
    ['its first moment', [sunday], '2026-01-11T01:00:00Z', '2026-01-11T01:00 to 2026-01-11T03:00'],
    ['its last moment', [sunday], '2026-01-11T02:59:59.999Z', '2026-01-11T01:00 to 2026-01-11T03:00'],
    ['its end', [sunday], '2026-01-11T03:00:00Z', 'open'],
    ['a summer Sunday is an hour earlier in UTC', [sunday], '2026-07-12T01:00:00Z', '2026-07-12T00:00 to 2026-07-12T02:00'],
    ['two o’clock does not exist in March: it begins at three', [sunday], '2026-03-29T01:30:00Z', '2026-03-29T01:00 to 2026-03-29T03:00'],
    [
      'half past two comes twice in October: it begins once',
      [maintenance('30 2 * * SUN', hour)],
      '2026-10-25T00:45:00Z',
      '2026-10-25T00:30 to 2026-10-25T01:30',
    ],
    ['and not again at the second half past two', [maintenance('30 2 * * SUN', hour)], '2026-10-25T01:45:00Z', 'open'],
    ['a night in winter', [quiet], '2026-01-11T03:00:00Z', '2026-01-10T21:00 to 2026-01-11T05:00'],
    ['the night of March is an hour shorter', [quiet], '2026-03-29T03:30:00Z', '2026-03-28T21:00 to 2026-03-29T04:00'],
    ['the night of October is an hour longer', [quiet], '2026-10-25T04:30:00Z', '2026-10-24T20:00 to 2026-10-25T05:00'],
    ['by day', [quiet], '2026-06-01T12:00:00Z', 'open'],
    ['only on its days', [night('0 22 * * FRI', '0 6 * * *')], '2026-01-11T02:00:00Z', 'open'],
    ['the longer of two', [quiet, sunday], '2026-01-11T01:30:00Z', '2026-01-10T21:00 to 2026-01-11T05:00'],
    [
      'a window that begins again before it ends goes on',
      [maintenance('*/30 12 * * *', hour, 'UTC')],
      '2026-01-11T12:40:00Z',
      '2026-01-11T12:00 to 2026-01-11T13:30',
    ],
  ])('%s', (_name, windows, moment, closed) => {
    expect(spell(cronCalendar(windows).closedAt(at(moment)))).toBe(closed);
  });

  it('says when it closes next', () => {
    const calendar = cronCalendar([quiet, sunday]);
    expect(new Date(calendar.nextAfter(at('2026-01-11T12:00:00Z'))!).toISOString()).toBe('2026-01-11T21:00:00.000Z');
    expect(new Date(calendar.nextAfter(at('2026-01-10T22:00:00Z'))!).toISOString()).toBe('2026-01-11T01:00:00.000Z');
    expect(cronCalendar([]).nextAfter(0)).toBeNull();
  });
});
