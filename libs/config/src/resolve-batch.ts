import type { WrittenBatch } from './batch.schema.js';
import type { BatchConfig } from './configuration.js';
import { durationMs, sizeBytes } from './units.js';

export function resolveBatch({ maxEvents, maxWait, maxBytes, format, key, atomic, results }: WrittenBatch): BatchConfig {
  return {
    maxEvents,
    maxWaitMs: durationMs(maxWait),
    maxBytes: sizeBytes(maxBytes),
    format,
    key: key ?? null,
    atomic,
    results: results
      ? {
          pointer: results.pointer,
          names:
            results.id !== undefined
              ? { kind: 'id', pointer: results.id }
              : results.index !== undefined
                ? { kind: 'index', pointer: results.index }
                : { kind: 'order' },
          status: results.status ?? null,
          statuses: results.statuses,
          error: results.error ?? null,
          lists: results.lists,
        }
      : null,
  };
}
