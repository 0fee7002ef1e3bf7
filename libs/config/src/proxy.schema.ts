import { z } from 'zod';
import { secret, url } from './value.schema.js';

export const proxy = z.strictObject({
  url: url.describe('http:// or https://; its own address is guarded as every other, so a private one stands in outbound.allow.'),
  username: z.string().min(1).optional(),
  password: secret.optional().describe('Of the user at the proxy.'),
});
