import { Cron } from 'croner';
import type { Calendar, ClosedTime, Window } from './calendar.port.js';

/** The longest night: 24 hours, and the one that autumn adds. */
const nightMaxMs = 25 * 3_600_000;
/** Beginnings that may lie within one closed time: a window of an hour that begins each minute. */
const beginningsMax = 10_000;

/** Croner knows the time zones and what becomes of an hour that is skipped (the window begins when it is over) or comes twice (once). */
export function cronCalendar(windows: readonly Window[]): Calendar {
  const cronOf = (expression: string, timezone: string): Cron => new Cron(expression, { paused: true, timezone, mode: '5-part' });
  const each = windows.map((window) => {
    const { lasts, timeZone, opens, detail } = window;
    const begins = cronOf(opens, timeZone);
    const ends = lasts.kind === 'until' ? cronOf(lasts.cron, timeZone) : null;
    const longestMs = lasts.kind === 'for' ? lasts.ms : nightMaxMs;
    const endOf = (sinceMs: number): number =>
      lasts.kind === 'for' ? sinceMs + lasts.ms : (ends!.nextRun(new Date(sinceMs))?.getTime() ?? sinceMs);
    return { begins, endOf, longestMs, detail };
  });

  const closedBy = ({ begins, endOf, longestMs, detail }: (typeof each)[number], atMs: number): ClosedTime | null => {
    let found = null as ClosedTime | null;
    let from = new Date(atMs - longestMs);
    for (let n = 0; n < beginningsMax; n++) {
      const next = begins.nextRun(from);
      if (!next || next.getTime() > atMs) return found;
      const untilMs = endOf(next.getTime());
      if (untilMs > atMs) found = { sinceMs: found?.sinceMs ?? next.getTime(), untilMs, detail };
      from = next;
    }
    return found;
  };

  return {
    closedAt: (atMs) =>
      each.reduce<ClosedTime | null>((longest, one) => {
        const found = closedBy(one, atMs);
        return found && (!longest || found.untilMs > longest.untilMs) ? found : longest;
      }, null),
    nextAfter: (atMs) =>
      each.reduce<number | null>((soonest, { begins }) => {
        const next = begins.nextRun(new Date(atMs))?.getTime() ?? null;
        return next !== null && (soonest === null || next < soonest) ? next : soonest;
      }, null),
  };
}
