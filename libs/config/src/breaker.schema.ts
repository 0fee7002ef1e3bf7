import { z } from 'zod';
import { duration, url } from './value.schema.js';

/** When a destination is left alone, and how it is found out that it is back. */
export const breaker = z.strictObject({
  failures: z
    .number()
    .int()
    .min(1)
    .default(5)
    .describe('More than so many failures in a row open it: no answer, or one of class transient.'),
  rate: z
    .strictObject({
      share: z.number().gt(0).max(1).default(0.5).describe('At least this share of the requests failed.'),
      window: duration.default('30s').describe('Looked at so far back.'),
      atLeast: z.number().int().min(1).default(20).describe('With fewer requests in the window the share says nothing.'),
    })
    .prefault({})
    .describe('Opens it, too: failures that are not in a row.'),
  probe: z
    .strictObject({
      url: url
        .optional()
        .describe('Asked by GET, with the credentials of deliveries; 2xx: it is well. Without it the oldest held delivery is the probe.'),
      first: duration.default('1s').describe('The first probe comes so long after it opened, each further one after twice the wait.'),
      max: duration.default('4h').describe('The longest wait between two probes.'),
    })
    .prefault({})
    .describe('How it is found out that the destination is back.'),
});
