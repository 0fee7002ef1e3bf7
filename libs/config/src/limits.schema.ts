import { z } from 'zod';
import { says } from './says.js';
import { duration } from './value.schema.js';

const timeZone = z
  .string()
  .min(1)
  .default('UTC')
  .describe('Of the IANA database, such as Europe/Berlin; it decides what becomes of the hours that daylight saving skips or repeats.');
const clockTime = z
  .string({ error: says('is not a time of day', 'write hours and minutes as text, such as "22:00"') })
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, says('is not a time of day', 'write hours and minutes as text, such as "22:00"'));

export const rateLimit = z.strictObject({
  perSecond: z.number().gt(0).max(1_000_000).describe('Requests a second, over all replicas together.'),
  burst: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Requests beyond the rate that may stand close together; perSecond, rounded up, where it is not given.'),
});

export const concurrency = z.strictObject({
  adaptive: z
    .literal(true)
    .describe("Requests under way follow the partner's latency, its 429 and 503 and its timeouts, up to http.maxInFlight."),
  min: z.number().int().min(1).max(4096).default(1).describe('Never fewer.'),
});

export const maintenance = z.array(
  z.strictObject({
    cron: z.string().min(1).describe('When it begins: minute, hour, day, month, weekday, such as "0 2 * * SUN".'),
    duration: duration.describe('How long it lasts.'),
    timeZone,
  }),
);

export const quietHours = z.array(
  z.strictObject({
    from: clockTime.describe('Nothing is sent from then on, such as "22:00".'),
    to: clockTime.describe('Until then, such as "06:00", the next day where that is not later.'),
    days: z
      .array(z.enum(['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN']))
      .min(1)
      .optional()
      .describe('On which they begin; every day where they are not given.'),
    timeZone,
  }),
);
