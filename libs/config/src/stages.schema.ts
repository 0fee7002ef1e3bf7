import { z } from 'zod';
import { answerTests, classifySchema, EXACTLY_ONE, isOneTest } from './classify.schema.js';
import { lookupSchema } from './lookup.schema.js';
import { says } from './says.js';
import { headerName, name, stageUrl, valueInAnswer } from './value.schema.js';

const VALUE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}\.[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const resultName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, says('cannot be a name', 'use letters, digits, - and _'));

const condition = z
  .strictObject({
    value: z
      .string()
      .regex(VALUE, says('names no value of an earlier stage', 'write the stage and what is kept of its answer, such as read.status'))
      .describe('What an earlier stage kept: <stage>.<name>, or <stage>.status.'),
    ...answerTests,
  })
  .refine(isOneTest, { error: EXACTLY_ONE });

export const stageSchema = z.strictObject({
  name: name.describe('Stands in the history, in idempotency keys, and in {name.value} of later stages.'),
  request: z
    .strictObject({
      url: stageUrl.optional().describe('On the host of http.url, which it is by default; {stage.value} is what an earlier stage kept.'),
      method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'HEAD']).optional().describe('By default that of http.'),
      headers: z.record(headerName, z.string()).default({}).describe('Beside those of http.'),
      body: z
        .json()
        .optional()
        .describe('JSON whose texts have placeholders filled in; a text that is one placeholder becomes its value. By default the event.'),
    })
    .prefault({})
    .describe('What differs from http.'),
  reads: z.boolean().optional().describe('It has no effect at the partner, and is simply asked again. By default GET and HEAD.'),
  when: z.array(condition).max(8).default([]).describe('It is sent where all of these hold, and left out otherwise.'),
  result: z
    .record(resultName, valueInAnswer)
    .default({})
    .describe('What is kept of its answer: a JSON Pointer or header:<name>. The status is kept anyway.'),
  classify: z.array(classifySchema).max(100).default([]).describe("Rules of its own, before the destination's."),
  lookup: lookupSchema.optional().describe("With resolve: lookup, how to ask about this request; by default the destination's."),
});
export const stagesMax = 8;
