import { RE2JS } from 're2js';
import { z } from 'zod';
import { says } from './says.js';
import { headerName, pointer, size, status } from './value.schema.js';

const NOT_A_STATUS = says('is not a status', 'write a number such as 409, a class such as 5xx, or a list of them');
export const EXACTLY_ONE = says('needs exactly one comparison', 'give one of equals, in, matches or exists');
const patternMaxLength = 200;

const statusRange = z.union([status, z.string().regex(/^[1-5]xx$/, NOT_A_STATUS)], { error: NOT_A_STATUS });
const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** RE2's expressions alone: their time grows with the text and nothing else, whatever a partner answers. */
const pattern = z
  .string()
  .min(1)
  .max(patternMaxLength, says(`is longer than ${patternMaxLength} characters`, 'compare with equals or in'))
  .refine(isExpression, {
    error: says('is not a regular expression as RE2 has them', 'use no look-around and no back-references; anchor with ^ and $'),
  })
  .describe('A regular expression of RE2 (linear time: no look-around, no back-references) that is found in the text.');

const equals = scalar.describe('This very value; numbers and texts compare as they are written.');
const oneOf = z.array(scalar).min(1).max(100).describe('One of these values.');
const exists = z.boolean().describe('Whether something stands there at all; null is something.');

export const isOneTest = (written: Readonly<Record<string, unknown>>): boolean =>
  ['equals', 'in', 'matches', 'exists'].filter((word) => written[word] !== undefined).length === 1;

export const answerTests = {
  equals: equals.optional(),
  in: oneOf.optional(),
  matches: pattern.optional(),
  exists: exists.optional(),
};

const header = z
  .strictObject({
    name: headerName.describe('Of a header of the answer.'),
    ...answerTests,
  })
  .refine(isOneTest, { error: EXACTLY_ONE });

const body = z
  .strictObject({
    pointer: pointer.describe('Into the JSON of the answer.'),
    ...answerTests,
  })
  .refine(isOneTest, { error: EXACTLY_ONE });

export const classifySchema = z
  .strictObject({
    status: z
      .union([statusRange, z.array(statusRange).min(1)], { error: NOT_A_STATUS })
      .optional()
      .describe('A number, a class such as 5xx, or a list of them.'),
    header: header.optional().describe('What a header of the answer must hold.'),
    body: body.optional().describe('What must stand in the body of the answer: many partners answer 200 with an error inside.'),
    as: z
      .enum(['delivered', 'transient', 'throttled', 'auth', 'business', 'permanent', 'unknown'])
      .describe('What the answer then means. An error that may have taken effect is unknown.'),
  })
  .refine((written) => written.status !== undefined || written.header !== undefined || written.body !== undefined, {
    error: says('says of no answer that it fits', 'give status, header or body; all that are given must hold'),
  });

export const answerSchema = z.strictObject({
  keepMax: size.default('1KiB').describe('Of an answer that is not delivered, so much goes into the history.'),
  mask: z
    .array(pointer)
    .max(50)
    .default([])
    .describe(
      'Pointers into the answer whose values are never kept; * stands for any one name or index. What is no JSON is then not kept at all.',
    ),
});

function isExpression(text: string): boolean {
  try {
    RE2JS.compile(text);
    return true;
  } catch {
    return false;
  }
}
