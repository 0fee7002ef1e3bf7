import { claimKey, revisionOrder, type Claim } from '#libs/identity/src/index.js';
import type { DedupeConfig } from './dedupe.ports.js';
import type { Way } from './decide-routes.js';
import { wantsNewest } from './decide-verdict.js';
import type { ReadEvent } from './event-reading.js';

/**
 * What a batch claims: one key an event, in order. Events with faults claim nothing.
 *
 * `asOfMs` is the append time of the position being judged: the record itself on the way through, the head of the waiting batch in
 * a rebuild, where a key that only has a part of its window left is kept for that part, and one that has none is left out.
 */
export function eventClaims(
  events: readonly ReadEvent[],
  config: Pick<DedupeConfig, 'windowMs' | 'slackMs'>,
  waysOf: (of: Readonly<{ source: string; type: string }>) => readonly Way[],
  asOfMs: number | null = null,
): Claim[] {
  const claims: Claim[] = [];
  for (const { record, event, faults } of events) {
    if (faults.length > 0) continue;
    const windowMs = config.windowMs(event.source);
    const ttlMs = windowMs + config.slackMs - (asOfMs === null ? 0 : Math.max(0, asOfMs - record.timestampMs));
    if (ttlMs <= 0) continue;
    const follows = event.revision !== null && wantsNewest(waysOf(event));
    claims.push({
      // Scoped by type across all sources: the same change that came two ways is one event.
      key: claimKey(event.type, event.idempotencykey),
      offset: record.offset,
      appendedMs: record.timestampMs,
      windowMs,
      ttlMs,
      pointer: follows ? { key: claimKey('newest', event.type, event.subject), revision: revisionOrder(event.revision!) } : null,
    });
  }
  return claims;
}
