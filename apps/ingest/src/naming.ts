import { hash, randomFillSync, randomUUID } from 'node:crypto';
import type { Naming } from './ingest.ports.js';

const KEY_CHARS = 24; // 144 bits of SHA-256, base64url: enough that no two keys ever meet by chance.
const POOL_BYTES = 4_096;

/** Time-ordered ids, so that a list by id is a list by time; random enough that they cannot be guessed. */
export function uuidV7(nowMs: number, random: string): string {
  const time = nowMs.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`;
}

export function systemNaming(nowMs: () => number): Naming {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  const randomHex = (bytes: number): string => {
    if (used + bytes > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    used += bytes;
    return pool.toString('hex', used - bytes, used);
  };
  return {
    eventId: () => uuidV7(nowMs(), randomUUID()),
    correlationId: () => randomHex(16),
    traceparent: () => `00-${randomHex(16)}-${randomHex(8)}-01`,
    hash: (text) => hash('sha256', text, 'base64url').slice(0, KEY_CHARS),
  };
}
