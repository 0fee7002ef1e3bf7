import type { CompleteDestination } from './complete-config.js';
import type { Check } from './check-sources.js';
import { cronRuns } from './cron.croner.js';
import { durationMs } from './units.js';
import type { PathPart } from './yaml-source.js';

type At = readonly PathPart[];
/** Any moment will do: what is looked for holds at all times. */
const someDayMs = Date.UTC(2026, 0, 1);
const runsLookedAt = 400;

/** Rates that cannot be kept, and windows that never open or never close. */
export function checkLimits(destination: CompleteDestination, at: At, found: Check): void {
  checkRate(destination, at, found);
  checkConcurrency(destination, at, found);
  destination.maintenance.forEach((window, n) => checkMaintenance(window, [...at, 'maintenance', n], found));
  destination.quietHours.forEach((hours, n) => checkQuietHours(hours, [...at, 'quietHours', n], found));
}

/** Below that, what is late on its way stands beside what is in time, and the partner may count it as too much. */
const burstLeastMs = 80;

function checkRate({ rateLimit }: CompleteDestination, at: At, { warnings }: Check): void {
  if (rateLimit?.burst === undefined) return;
  const least = Math.ceil((rateLimit.perSecond * burstLeastMs) / 1_000) + 1;
  if (rateLimit.perSecond <= 2.5 || rateLimit.burst >= least) return;
  warnings.push({
    path: [...at, 'rateLimit', 'burst'],
    problem: 'is worth less than 80 ms of the rate: the rate is kept over every second, but requests may stand as close as 20 ms allow',
    mend: `write ${least} or more where the partner allows it`,
  });
}

function checkConcurrency({ concurrency, http }: CompleteDestination, at: At, { faults }: Check): void {
  if (!concurrency || concurrency.min <= http.maxInFlight) return;
  faults.push({
    path: [...at, 'concurrency', 'min'],
    problem: `is more than http.maxInFlight (${http.maxInFlight}) allows`,
    mend: 'lower it, or raise http.maxInFlight',
  });
}

function checkMaintenance(window: CompleteDestination['maintenance'][number], path: At, found: Check): void {
  if (!checkTimeZone(window.timeZone, path, found)) return;
  const runs = cronRuns(window.cron, window.timeZone, runsLookedAt, someDayMs);
  if (!runs || runs.length === 0) {
    const problem = runs ? 'never comes' : 'is not a cron expression';
    found.faults.push({ path: [...path, 'cron'], problem, mend: 'write minute, hour, day, month and weekday, such as "0 2 * * SUN"' });
    return;
  }
  const lastsMs = durationMs(window.duration);
  const gaps = runs.slice(1).map((run, n) => run - runs[n]!);
  if (gaps.length > 0 && gaps.every((gapMs) => gapMs <= lastsMs))
    found.faults.push({
      path: [...path, 'duration'],
      problem: 'reaches to the next beginning: nothing would ever be sent',
      mend: 'shorten it',
    });
}

function checkQuietHours({ from, to, timeZone }: CompleteDestination['quietHours'][number], path: At, found: Check): void {
  checkTimeZone(timeZone, path, found);
  if (from === to)
    found.faults.push({ path: [...path, 'to'], problem: 'is when they begin: nothing would ever be sent', mend: 'write another time' });
}

function checkTimeZone(timeZone: string, path: At, { faults }: Check): boolean {
  if (cronRuns('0 0 * * *', timeZone, 1, someDayMs)) return true;
  faults.push({ path: [...path, 'timeZone'], problem: 'is no time zone we know', mend: 'write one such as Europe/Berlin or UTC' });
  return false;
}
