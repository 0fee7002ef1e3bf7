import { z } from 'zod';
import { says } from './says.js';
import { duration, pointer, size, status } from './value.schema.js';

const pointerOrWhole = z.union([z.literal(''), pointer], {
  error: says("is neither a JSON Pointer nor ''", "write such as /items, or '' for the whole answer"),
});

const results = z.strictObject({
  pointer: pointerOrWhole.default('').describe("Where the answer lists results; '' where the answer is the list."),
  id: pointer.optional().describe('Within a result, what stands at the `key` of its item.'),
  index: pointer
    .optional()
    .describe("Within a result, its item's place, from 0. Without id and index, results stand in the order of the items."),
  status: pointer
    .optional()
    .describe('Within a result, what became of the item: a status as of HTTP, true or false, or a word of `statuses`.'),
  statuses: z.record(z.string(), status).default({}).describe('What words mean, such as { OK: 200, REJECTED: 422, BUSY: 503 }.'),
  error: pointer.optional().describe('Within a result, what to keep for the history; without it the whole result.'),
  lists: z.enum(['all', 'failures']).default('all').describe('failures: an item that is not listed was taken.'),
});

export const batch = z.strictObject({
  maxEvents: z.number().int().min(2).max(1_000).default(50).describe('Events of one request.'),
  maxWait: duration.default('50ms').describe('How long the first waits for others.'),
  maxBytes: size.default('1MiB').describe("Of a request's body."),
  format: z.enum(['json-array', 'ndjson']).default('json-array').describe('How the events stand in a request.'),
  key: pointer
    .optional()
    .describe(
      'Where each event holds what the partner knows it by. Required under resolve: idempotency-key: a request of many has no key of its own.',
    ),
  atomic: z
    .boolean()
    .default(true)
    .describe(
      'A request that is refused as a whole (400, 409, 413, 422) took no event, so it goes again in halves. false: it may have taken some; those whose result the answer does not tell are unknown, and `unknown.resolve` decides.',
    ),
  results: results.optional().describe('Where the answer tells what became of each; without it a 2xx is good for all of them.'),
});

export type WrittenBatch = z.output<typeof batch>;
