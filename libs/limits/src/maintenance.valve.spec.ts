import { describe, expect, it } from '@jest/globals';
import { valveContract } from '#libs/delivery/src/testing/valve.contract.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { cronCalendar } from './calendar.croner.js';
import { MaintenanceValve } from './maintenance.valve.js';

const noon = Date.parse('2026-01-11T12:00:00Z');
const minute = 60_000;
const window = (opens: string, minutes: number) => ({
  opens,
  timeZone: 'UTC',
  lasts: { kind: 'for' as const, ms: minutes * minute },
  detail: `maintenance ${opens}`,
});

valveContract('MaintenanceValve', async () => {
  const clock = new ManualClock(noon);
  const valve = new MaintenanceValve(clock, cronCalendar([window('10,40 * * * *', 20)]));
  let isFirst = true;
  return {
    valve,
    shut: async () => {
      await clock.advance((isFirst ? 10 : 10) * minute);
      isFirst = false;
      valve.limit();
    },
    open: () => clock.advance(20 * minute),
  };
});

describe('MaintenanceValve', () => {
  it('says why, since when and until when, also to a process that came in the middle of it', () => {
    const clock = new ManualClock(noon + 15 * minute);
    const valve = new MaintenanceValve(clock, cronCalendar([window('10 * * * *', 20)]));
    expect(valve.limit()).toBe(0);
    const expected = { reason: 'maintenance', sinceMs: noon + 10 * minute, untilMs: noon + 30 * minute, detail: 'maintenance 10 * * * *' };
    expect(valve.holding()).toEqual(expected);
    void valve.close();
  });

  it('does not open between two windows that meet', async () => {
    const clock = new ManualClock(noon);
    const valve = new MaintenanceValve(clock, cronCalendar([window('0 * * * *', 30), window('30 * * * *', 10)]));
    const seen: number[] = [];
    valve.changed(() => seen.push(valve.limit()));
    expect(valve.limit()).toBe(0);
    await clock.advance(39 * minute);
    expect(seen.every((limit) => limit === 0)).toBe(true);
    expect(valve.limit()).toBe(0);
    await clock.advance(2 * minute);
    expect(seen.at(-1)).toBe(Infinity);
    await valve.close();
  });

  it('asks the calendar when something begins or ends, not for every delivery', () => {
    const clock = new ManualClock(noon);
    let asked = 0;
    const calendar = cronCalendar([window('10 * * * *', 20)]);
    const counting = { ...calendar, closedAt: (atMs: number) => (asked++, calendar.closedAt(atMs)) };
    const valve = new MaintenanceValve(clock, counting);
    for (let n = 0; n < 1_000; n++) valve.limit();
    expect(asked).toBe(1);
  });
});
