import { z } from 'zod';
import { auth, tls } from './auth.schema.js';
import { breaker } from './breaker.schema.js';
import { batch } from './batch.schema.js';
import { answerSchema, classifySchema } from './classify.schema.js';
import { lookupSchema } from './lookup.schema.js';
import { stageSchema, stagesMax } from './stages.schema.js';
import { fairness } from './fairness.schema.js';
import { concurrency, maintenance, quietHours, rateLimit } from './limits.schema.js';
import { proxy } from './proxy.schema.js';
import { duration, name, secrets, status, url, urlWithPlaceholders } from './value.schema.js';

const http = z.strictObject({
  url: urlWithPlaceholders.describe(
    'Where deliveries go. {entity}, {id}, {type}, {revision}, {source}, {correlationid} and {delivery} are filled in, percent-encoded; so is what a JSON Pointer such as {/order/id} finds in the data.',
  ),
  method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE', 'GET']).default('POST'),
  headers: z.record(z.string(), z.string()).default({}).describe('Fixed headers without secrets.'),
  timeout: duration.default('10s').describe('One deadline for queue, connection, request and answer.'),
  maxInFlight: z.number().int().min(1).max(4096).default(64).describe('Requests under way at a time, per partition owner.'),
});

const unknown = z.strictObject({
  resolve: z
    .enum(['idempotency-key', 'lookup', 'resend', 'hold'])
    .describe('What happens after a request whose outcome nobody knows. The seed of every double charge, so there is no default.'),
  settle: duration.default('30s').describe("How long after an attempt's deadline its outcome may still arrive."),
  validFor: duration.default('24h').describe('How long the partner remembers an idempotency key; older unknowns are held.'),
  statuses: z.array(status).default([504]).describe('Answers that count as unknown under resend and hold.'),
  lookup: lookupSchema.optional().describe('With resolve: lookup, how to ask.'),
});

const budget = z.strictObject({
  share: z.number().min(0).max(1).default(0.2).describe('Retries that fail again, as a share of first attempts.'),
  minPerSecond: z.number().min(0).max(10_000).default(10).describe('So many more, however little else goes out.'),
});

const retry = z.strictObject({
  tiers: z
    .array(duration)
    .max(32)
    .optional()
    .describe('The delay lines its retries pass, in order; by default attempts are tiers + 1. By default all of retry.tiers.'),
  maxAge: duration
    .default('24h')
    .describe('Time under retry after which it goes to the DLQ: attempts, delay lines and 429s, not the time it is held or queued.'),
  maxAttempts: z
    .number()
    .int()
    .min(1)
    .max(1_000)
    .optional()
    .describe('Attempts in all; by default one more than tiers. Those behind the last tier wait in the last one.'),
  budget: budget
    .prefault({})
    .describe('How much of the traffic may be retries that fail again; what is over it waits, and spends no attempt.'),
});

const onDeadLetter = z
  .enum(['stop', 'continue'])
  .default('stop')
  .describe('On strict routes: stop, its entity stays parked until an operator decides; continue, its later events go on.');

export const destinationSchema = z.strictObject({
  name: name.describe('Stands in topics, routes and metrics.'),
  http: http.describe('The request that a delivery is.'),
  batch: batch.optional().describe('Several events in one request: what stands in maxInFlight then is requests, as before.'),
  proxy: proxy
    .optional()
    .describe(
      'Requests go through it (CONNECT, to https and http alike); it resolves the name, so only what the URL says is guarded then.',
    ),
  auth: auth.optional().describe('How requests are authenticated; one way.'),
  tls: tls.optional().describe('Mutual TLS with the partner, or its own authority.'),
  signing: z
    .strictObject({ scheme: z.literal('standard-webhooks'), secrets })
    .optional()
    .describe('Signs every delivery (headers webhook-id, webhook-timestamp, webhook-signature); all listed secrets sign.'),
  unknown: unknown.describe('What is done about requests without an answer.'),
  classify: z.array(classifySchema).max(100).default([]).describe('What an answer means here, before the defaults; the first that fits.'),
  stages: z
    .array(stageSchema)
    .min(1)
    .max(stagesMax)
    .optional()
    .describe('A delivery as a sequence of requests (read, validate, write, confirm). What has ended is recorded and not repeated.'),
  answer: answerSchema.prefault({}).describe('What is kept of answers.'),
  retry: retry.prefault({}).describe('What is done about attempts that failed.'),
  onDeadLetter,
  breaker: breaker.prefault({}).describe('When to stop calling a destination, and how to find out that it is back.'),
  rateLimit: rateLimit.optional().describe('Of requests, shared by all replicas.'),
  concurrency: concurrency.optional().describe('How many requests are under way, found out; http.maxInFlight where it is not given.'),
  fairness: fairness
    .optional()
    .describe('Slots go by turns to those who wait, so that one who brings much keeps nobody back; by default first come, first served.'),
  maintenance: maintenance
    .max(32)
    .default([])
    .describe("The partner's maintenance windows: nothing is sent in them, and nothing is spent."),
  quietHours: quietHours.max(32).default([]).describe('Times of day at which the partner is not to be called.'),
  runbook: url.optional().describe('Where an operator reads what to do.'),
});
