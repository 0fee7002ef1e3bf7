import type { Breakers, BreakerState } from '#libs/breaker/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import type { Notices, Said } from '#libs/notices/src/index.js';
import type { DeliverProcess } from './deliver.process.js';

/** What waits for a destination, over all its partitions; `oldestMs` null: nothing does. */
export type Backlog = Readonly<{ records: number; oldestMs: number | null }>;

export type TicketParts = Readonly<{
  breakers: Pick<Breakers, 'states'>;
  process: Pick<DeliverProcess, 'holds'>;
  notices: Notices;
  clock: Clock;
  backlogOf(destination: string): Promise<Backlog>;
  /** Of each destination of which something was told: what is wrong with its credentials, null when nothing is. */
  troubles: ReadonlyMap<string, string | null>;
  /** Whose credentials: they are of an environment. */
  environment: string;
  /** The destination's own, if it names one. */
  runbookOf(destination: string): string | null;
}>;

const everyMs = 5_000;
/** A hold for another reason than the breaker is told when it lasts longer. */
export const longHoldMs = 900_000;

/** Looks until the signal aborts: an outage and a long hold is a ticket, kept current, and closed when it is over. */
export async function watchTickets(parts: TicketParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    tellOutages(parts);
    tellLongHolds(parts);
    tellCredentials(parts);
    await parts.clock.sleep(everyMs, signal);
  }
}

export function tellOutages({ breakers, notices, clock, backlogOf, runbookOf }: TicketParts): void {
  for (const { destination, state } of breakers.states()) {
    const about = { alert: 'breaker', destination } as const;
    const rest = { correlationIds: [], runbook: runbookOf(destination) ?? 'docs/runbooks/breaker.md' };
    const say = async (): Promise<Said> => {
      const { records, oldestMs } = await backlogOf(destination);
      const age = oldestMs === null ? '' : `, the oldest for ${spanOf(clock.nowMs() - oldestMs)}`;
      return {
        ...rest,
        count: records,
        breaker: 'open',
        text: `${outageText(destination, state, clock.nowMs())}; ${records} deliveries wait${age}`,
      };
    };
    const { outage, last } = state;
    if (outage) notices.raise(about, say);
    else if (last) {
      const text = `${destination} is back after ${spanOf(last.untilMs - last.sinceMs)} and ${last.probes} probes: ${last.cause}`;
      notices.resolve(about, async () => ({ ...rest, breaker: 'closed', text }));
    }
  }
}

function outageText(destination: string, { phase, outage }: BreakerState, nowMs: number): string {
  const next = phase.kind === 'open' && phase.nextProbeMs !== null ? `, the next in ${spanOf(phase.nextProbeMs - nowMs)}` : '';
  const { cause, sinceMs, probes } = outage!;
  return `nothing is sent to ${destination}: ${cause}; open for ${spanOf(nowMs - sinceMs)}, ${probes} probes so far${next}`;
}

export function tellLongHolds({ breakers, process, notices, clock, runbookOf }: TicketParts): void {
  const nowMs = clock.nowMs();
  const long = process.holds().filter(({ reason, sinceMs }) => reason !== 'breaker' && nowMs - sinceMs > longHoldMs);
  for (const { destination } of breakers.states()) {
    const about = { alert: 'long-hold', destination } as const;
    const rest = { correlationIds: [], runbook: runbookOf(destination) ?? 'docs/runbooks/long-hold.md' };
    const hold = long.find((each) => each.destination === destination);
    if (!hold) {
      notices.resolve(about, async () => ({ ...rest, text: `${destination} is not held any more` }));
      continue;
    }
    const detail = hold.detail === null ? '' : ` (${hold.detail})`;
    const text = `${destination} has been held for ${spanOf(nowMs - hold.sinceMs)}: ${hold.reason}${detail}`;
    notices.raise(about, async () => ({ ...rest, text }));
  }
}

/** Which credential of which environment; the secret is known to nobody here. A replica that had no trouble says nothing of another's. */
export function tellCredentials({ troubles, environment, notices, runbookOf }: TicketParts): void {
  for (const [destination, trouble] of troubles) {
    const about = { alert: 'credentials', destination } as const;
    const rest = { correlationIds: [], runbook: runbookOf(destination) ?? 'docs/runbooks/credentials.md' };
    const whose = `the credentials of ${destination} in ${environment}`;
    if (trouble === null) notices.resolve(about, async () => ({ ...rest, text: `${whose} work again` }));
    else notices.raise(about, async () => ({ ...rest, text: `${whose} do not work: ${trouble}` }));
  }
}

/** `3 h 5 min`, `42 s`. */
export function spanOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
