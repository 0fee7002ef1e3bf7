import { z } from 'zod';
import { says } from './says.js';
import type { Placeholder } from './configuration.js';
import { DURATION, POINTER, SIZE } from './units.js';
import { PLACEHOLDERS, urlFaults } from './url-template.js';

// The atoms of the configuration as a person writes it. Nothing is transformed here: what is checked is what is shown by --explain.

export const duration = z
  .string({ error: says('is not a duration', 'write a whole number and its unit as text, such as 500ms, 30s, 15m, 24h or 7d') })
  .regex(DURATION, says('is not a duration', 'write a whole number and its unit (ms, s, m, h or d), such as 500ms, 30s, 15m, 24h or 7d'));

export const size = z
  .string({ error: says('is not a size', 'write a whole number and its unit as text, such as 512KiB or 1MiB') })
  .regex(SIZE, says('is not a size', 'write a whole number and its unit (B, KiB, MiB or GiB), such as 512KiB or 1MiB'));

/** A name becomes part of a topic's name, a URL's path and a metric's label. */
export const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/,
    says(
      'cannot be a name',
      'use 1 to 63 letters, digits, - and _, beginning with a letter or digit: it becomes part of a topic and of a metric',
    ),
  );

const SECRET_MEND = 'put it into a file and write { file: secrets/<name> }, or into the environment and write { env: <NAME> }';

/** `{ file }` or `{ env }`. A literal is refused without being shown. */
export const secret = z
  .strictObject(
    {
      file: z
        .string()
        .min(1)
        .optional()
        .describe('Path of a file with the secret, relative to the file that names it. One trailing newline is not part of it.'),
      env: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, says('cannot be the name of an environment variable', 'use letters, digits and _'))
        .optional()
        .describe('Name of an environment variable with the secret.'),
    },
    {
      error: (issue) =>
        issue.code === 'invalid_type' ? says('is not a reference to a secret; secrets are never literals', SECRET_MEND) : undefined,
    },
  )
  .refine((written) => (written.file === undefined) !== (written.env === undefined), {
    error: says('needs either file or env', SECRET_MEND),
  })
  .describe('Where a secret is: { file: PATH } or { env: NAME }, never the secret itself.');

export const secrets = z
  .array(secret)
  .min(1, says('is empty', SECRET_MEND))
  .describe('All are accepted, so that an old secret stays valid beside the new one.');

export const HEADER = /^header:[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

export const pointer = z
  .string()
  .regex(POINTER, says('is not a JSON Pointer', 'begin with / and separate with /, such as /order/id (~1 stands for /, ~0 for ~)'));

/** A JSON Pointer, `header:<name>`, or a literal. */
export const valueFrom = z
  .string()
  .min(1)
  .refine((text) => !text.startsWith('/') || POINTER.test(text), {
    error: says('begins with / and is not a JSON Pointer', 'write ~0 for ~ and ~1 for / inside a name, such as /a~1b'),
  })
  .refine((text) => !text.toLowerCase().startsWith('header:') || HEADER.test(text), {
    error: says('does not name a header', 'write header: and the name without a space, such as header:x-event-id'),
  })
  .describe('A JSON Pointer into the body (/order/id), header:<name>, or a literal.');

const checkedUrl = (placeholders: readonly Placeholder[]) =>
  z.string().superRefine((text, context) => {
    for (const { problem, mend } of urlFaults(text, placeholders)) context.addIssue({ code: 'custom', message: says(problem, mend) });
  });

/** Which hosts may be called is checked once the whole configuration is known. */
export const url = checkedUrl([]);
export const urlWithPlaceholders = checkedUrl(PLACEHOLDERS);

export const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, says('cannot be the name of a header', 'write its name alone, such as x-signature'));

export const status = z.number().int().min(100).max(599);

export const typePatterns = z
  .array(z.string().regex(/^[^\s]{1,200}$/, says('cannot be a pattern of types', 'write an event type, with * for any run of characters')))
  .min(1);

/** Of a stage: beside the event's own, what earlier stages kept. That it is kept is checked in the whole. */
export const STAGE_VALUE = /\{([A-Za-z0-9][A-Za-z0-9_-]{0,62})\.([A-Za-z0-9][A-Za-z0-9_-]{0,62})\}/g;
export const stageUrl = z.string().superRefine((text, context) => {
  for (const { problem, mend } of urlFaults(text.replace(STAGE_VALUE, '{id}')))
    context.addIssue({ code: 'custom', message: says(problem, mend) });
});

/** Something of a partner's answer. */
export const valueInAnswer = z
  .string()
  .refine((text) => POINTER.test(text) || HEADER.test(text.toLowerCase()), {
    error: says('is neither a JSON Pointer nor a header', 'write such as /id or header:location'),
  })
  .describe('A JSON Pointer into the answer, or header:<name>.');
