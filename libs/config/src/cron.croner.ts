import { Cron } from 'croner';

/** Moments of a cron expression, ms since the epoch; null where it, or the time zone, cannot be read. */
export function cronRuns(expression: string, timeZone: string, count: number, fromMs: number): readonly number[] | null {
  try {
    // Five fields: a window that begins every second is meant by nobody.
    const cron = new Cron(expression, { paused: true, timezone: timeZone, mode: '5-part' });
    return cron.nextRuns(count, new Date(fromMs)).map((run) => run.getTime());
  } catch {
    return null;
  }
}
