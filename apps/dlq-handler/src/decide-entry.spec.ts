import { describe, expect, it } from '@jest/globals';
import { entryOfUnreadable } from './decide-entry.js';

describe('entryOfUnreadable', () => {
  it('bounds what a stranger put into the headers: an index of Postgres takes no more, and the partition would stand still', () => {
    const huge = 'x'.repeat(10_000);
    const headers = { ce_id: huge, ce_type: huge, ce_source: huge, 'correlation-id': huge };
    const at = { topic: 'hf.dlq', partition: 0, offset: 1, incarnation: 'i', timestampMs: 1, headers };
    const { eventid, type, source, correlationid } = entryOfUnreadable({ code: 'empty', message: 'no value' }, null, at);
    for (const text of [eventid, type, source, correlationid]) expect(text.length).toBeLessThanOrEqual(256);
  });
});
