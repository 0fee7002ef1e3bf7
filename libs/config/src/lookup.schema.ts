import { z } from 'zod';
import { says } from './says.js';
import { durationMs } from './units.js';
import { duration, pointer, stageUrl, valueFrom, valueInAnswer } from './value.schema.js';

export const lookupSchema = z.strictObject({
  url: stageUrl.describe('Asks the partner whether the record stands there.'),
  method: z.enum(['GET', 'HEAD', 'POST']).default('GET'),
  body: z.json().optional().describe('With POST: JSON whose texts have placeholders such as {entity} or {/order/id} filled in.'),
  timeout: duration.optional().describe('By default that of http.'),
  grace: duration
    .default('0s')
    .refine((text) => durationMs(text) <= 300_000, {
      error: says('is longer than 5m', 'the entity waits meanwhile: give less, or retry later'),
    })
    .describe('So long "not found" is asked again before it is believed: some partners show a record later than they take it. At most 5m.'),
  revision: pointer.optional().describe("Where the answer holds the record's revision: at least this change's means delivered."),
  match: z.record(z.string(), valueFrom).optional().describe("Pointers into the answer, and the event's value that must stand there."),
  creates: z.literal(true).optional().describe('Every delivery creates its record under an external id of its own, so found is proof.'),
  result: z
    .record(z.string(), valueInAnswer)
    .default({})
    .describe('Of a stage: what is kept of the answer, where the answer of the request itself is lost.'),
});
