import { z } from 'zod';
import { parseCursor } from './decide-cursor.js';

/** Bounds of what a client may ask for. */
export const PAGE_MAX = 200;
const PAGE_DEFAULT = 50;
const ID_MAX_CHARS = 512;
const TEXT_MAX_CHARS = 512;
const REASON_MAX_CHARS = 1_000;
/** Ids named one by one; a filter or a group names more. */
export const IDS_MAX = 1_000;

const text = z.string().min(1).max(TEXT_MAX_CHARS);
export const idParams = z.object({ id: z.string().min(1).max(ID_MAX_CHARS).describe('As a list or an answer of the door gave it.') });
export const nameParams = z.object({ name: z.string().min(1).max(63).describe('Name of a destination.') });

/** A time as ISO 8601 or ms since the epoch. */
const time = z
  .string()
  .max(40)
  .transform((value, context) => {
    const ms = /^\d{1,15}$/.test(value) ? Number(value) : Date.parse(value);
    if (!Number.isNaN(ms) && Math.abs(ms) <= 8.64e15) return ms;
    context.addIssue({ code: 'custom', message: 'is not a time; write it like 2026-11-22T10:00:00Z' });
    return z.NEVER;
  })
  .describe('ISO 8601, or ms since 1970.');

const cursor = z
  .string()
  .max(700)
  .transform((value, context) => {
    const parsed = parseCursor(value);
    if (parsed) return parsed;
    context.addIssue({ code: 'custom', message: 'is not a cursor; take nextCursor of the page before' });
    return z.NEVER;
  })
  .describe('nextCursor of the page before.');

const limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(PAGE_DEFAULT).describe('Items of a page.');
const paging = { cursor: cursor.optional(), limit };

export const eventsQuery = z.object({
  id: text.optional().describe('An event id or correlation id.'),
  type: text.optional(),
  source: text.optional(),
  entity: text.optional(),
  destination: text.optional(),
  state: text.optional().describe("A verdict word: the event's own, or a destination's."),
  from: time.optional(),
  to: time.optional(),
  ...paging,
});

const deadLetterFields = {
  destination: text.optional(),
  type: text.optional(),
  class: text.optional(),
  group: text.optional(),
  from: time.optional(),
  to: time.optional(),
};
export const deadLettersQuery = z.object({ ...deadLetterFields, ...paging });
export const deadLetterGroupsQuery = z.object(deadLetterFields);
export const invalidQuery = z.object({
  source: text.optional(),
  type: text.optional(),
  group: text.optional(),
  from: time.optional(),
  to: time.optional(),
  ...paging,
});

export const reason = z.string().trim().min(1, 'say why: it stands in the facts').max(REASON_MAX_CHARS);

export const selectionBody = z
  .strictObject({
    ids: z.array(z.string().min(1).max(64)).min(1).max(IDS_MAX).optional(),
    group: text.optional(),
    filter: z.strictObject(deadLetterFields).optional(),
    reason,
  })
  .refine((body) => [body.ids, body.group, body.filter].filter((one) => one !== undefined).length === 1, {
    message: 'give exactly one of ids, group or filter',
  });

export const resolveBody = z.strictObject({ as: z.enum(['delivered', 'resend', 'discard']), reason });
export const reasonBody = z.strictObject({ reason: reason.optional() });

export const anything = z.unknown();
export const listOf = (item: z.ZodType) => z.object({ items: z.array(item), nextCursor: z.string().nullable() });
export const accepted = z.object({ operationId: z.string(), count: z.number().int() });
