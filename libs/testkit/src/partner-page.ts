import type { Arrival } from './partner-arrivals.js';
import type { PartnerBooks } from './partner-books.js';

/** One line for one request, as the program logs it and the page shows it. */
export function arrivalLine({ at, method, path, status, end, eventId, attempt, entity }: Arrival): string {
  const time = new Date(at).toISOString().slice(11, 23);
  const parts = [time, method.padEnd(4), path, '→', status === null ? end : `${status} ${end}`];
  if (eventId !== null) parts.push(`event ${eventId}`);
  if (attempt !== null) parts.push(`attempt ${attempt}`);
  if (entity !== null) parts.push(`entity ${entity}`);
  return parts.join('  ');
}

/** What a newcomer sees in the browser: the counts and the last deliveries, newest first. */
export function partnerPage(partner: PartnerBooks): string {
  const { stored, doubles, requests, refused, replayed } = partner.stats();
  const lines = partner.arrivals.newest(30).reverse().map(arrivalLine);
  return [
    'A simulated partner. What it received last:',
    '',
    ...(lines.length > 0 ? lines : ['nothing yet']),
    '',
    `stored ${stored}, doubles ${doubles}; of ${requests} requests ${refused} refused, ${replayed} answered from their idempotency key`,
    'counters /_sim/stats   records /_sim/stored   behaviour PUT /_sim/rules',
    '',
  ].join('\n');
}
