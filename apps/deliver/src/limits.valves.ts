import type { DestinationConfig } from '#libs/config/src/index.js';
import type { Valve } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import {
  AdaptiveConcurrencyValve,
  MaintenanceValve,
  PartnerQuotaValve,
  RateLimitValve,
  type Calendar,
  type RateStore,
  type SharedHolds,
  type Window,
} from '#libs/limits/src/index.js';
import type { Metrics } from '#libs/observability/src/index.js';

/** What the limits of all destinations share. */
export type LimitParts = Readonly<{
  clock: Clock;
  rates: RateStore;
  holds: SharedHolds;
  calendarOf: (windows: readonly Window[]) => Calendar;
  metrics: Pick<Metrics<'deliver'>, 'rateLimitTokens' | 'concurrencyLimit'>;
}>;

/** The limits of one destination, in the order in which they are asked; the rate comes last, for it takes tokens. */
export function limitsOf({ name, http, rateLimit, concurrency, closed }: DestinationConfig, parts: LimitParts): readonly Valve[] {
  const { clock, rates, holds, calendarOf, metrics } = parts;
  const valves: Valve[] = [holds.valve(name, http.maxInFlight), new PartnerQuotaValve(clock, http.maxInFlight)];
  if (closed.length > 0) valves.push(new MaintenanceValve(clock, calendarOf(closed)));
  if (concurrency) {
    const bounds = { min: concurrency.min, max: http.maxInFlight };
    valves.push(new AdaptiveConcurrencyValve(bounds, clock.nowMs(), (limit) => metrics.concurrencyLimit.set({ destination: name }, limit)));
  }
  if (rateLimit) {
    const tokens = (result: 'used' | 'lapsed', count: number): void => metrics.rateLimitTokens.inc({ destination: name, result }, count);
    valves.push(new RateLimitValve({ destination: name, rate: rateLimit, store: rates, clock, tokens }));
  }
  return valves;
}
