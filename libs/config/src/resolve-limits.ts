import type { CompleteDestination } from './complete-config.js';
import type { ClosedWindow, DestinationConfig } from './configuration.js';
import { durationMs } from './units.js';

type Limits = Pick<DestinationConfig, 'rateLimit' | 'concurrency' | 'closed'>;

export function resolveLimits({ rateLimit, concurrency, maintenance, quietHours }: CompleteDestination): Limits {
  return {
    rateLimit: rateLimit ? { perSecond: rateLimit.perSecond, burst: rateLimit.burst ?? Math.max(1, Math.ceil(rateLimit.perSecond)) } : null,
    concurrency: concurrency ? { min: concurrency.min } : null,
    closed: [...maintenance.map(maintained), ...quietHours.map(quiet)],
  };
}

type Maintenance = CompleteDestination['maintenance'][number];
type QuietHours = CompleteDestination['quietHours'][number];

export const maintained = ({ cron, duration, timeZone }: Maintenance): ClosedWindow => ({
  opens: cron,
  timeZone,
  lasts: { kind: 'for', ms: durationMs(duration) },
  detail: `maintenance ${cron} for ${duration} (${timeZone})`,
});

/** Both ends are times on the partner's wall, so a night with a change of the clock is an hour shorter or longer. */
export const quiet = ({ from, to, days, timeZone }: QuietHours): ClosedWindow => ({
  opens: dailyAt(from, days ?? []),
  timeZone,
  lasts: { kind: 'until', cron: dailyAt(to, []) },
  detail: `quiet hours ${from} to ${to} (${timeZone})`,
});

const dailyAt = (time: string, days: readonly string[]): string => {
  const [hour, minute] = time.split(':').map(Number) as [number, number];
  return `${minute} ${hour} * * ${days.length > 0 ? days.join(',') : '*'}`;
};
