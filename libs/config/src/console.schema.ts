import { z } from 'zod';
import { name, secret } from './value.schema.js';

/** Who may use the console's API, with what. */
export const consoleSchema = z.strictObject({
  tokens: z
    .array(
      z.strictObject({
        name: name.describe('Stands as `by` in the facts of what its owner does.'),
        role: z.enum(['viewer', 'operator', 'admin']).describe('viewer looks, operator mends, admin also configures.'),
        token: secret.describe('Sent as Authorization: Bearer TOKEN.'),
      }),
    )
    .max(200)
    .default([])
    .describe('Without any, dev lets everybody in and any other environment nobody.'),
});
