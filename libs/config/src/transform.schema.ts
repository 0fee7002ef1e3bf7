import { z } from 'zod';
import { says } from './says.js';
import { duration, size, typePatterns } from './value.schema.js';

const shape = {
  jsonata: z.string().min(1).optional().describe('Path of a JSONata file; its input is the decoded data, `$event` the envelope.'),
  handler: z
    .string()
    .regex(/\.(m?js|m?ts)$/, says('is not a module', 'write the path of a .js, .mjs, .ts or .mts file with a default export'))
    .optional()
    .describe('Path of a module whose default export is a function of the decoded data and the envelope.'),
  passThrough: z.literal(true).optional().describe('The body goes byte for byte.'),
  timeout: duration.default('1s').describe('A transform that takes longer is ended, and its delivery is a dead letter.'),
  inputMax: size.default('1MiB').describe('Larger data is not transformed: a dead letter.'),
  outputMax: size.default('1MiB').describe('A larger result is not sent: a dead letter.'),
};

const oneWay = (written: { jsonata?: string | undefined; handler?: string | undefined; passThrough?: true | undefined }): boolean =>
  [written.jsonata, written.handler, written.passThrough].filter((way) => way !== undefined).length === 1;
const ONE_WAY = says('needs exactly one way', 'give one of jsonata: PATH, handler: PATH or passThrough: true');

/** One for all that a route takes. */
export const transform = z.strictObject(shape).refine(oneWay, { error: ONE_WAY });

/** One of several, for some types or schema versions; the first that fits makes the body. */
export const transforms = z
  .array(
    z
      .strictObject({
        types: typePatterns.optional().describe('Event types it is for; without it all.'),
        schemaVersions: z
          .string()
          .min(1)
          .optional()
          .describe('Range of schema versions it is for, such as 1 or >=2. Without it all, and events that name no version.'),
        ...shape,
      })
      .refine(oneWay, { error: ONE_WAY }),
  )
  .min(1, says('is empty', 'list transforms, or take it out: without a transform the body goes byte for byte'))
  .max(100);

export type WrittenTransform = z.output<typeof transforms>[number];
