import { z } from 'zod';
import { says } from './says.js';
import { duration, HEADER, headerName, name, pointer, secrets, size, valueFrom } from './value.schema.js';
import { POINTER } from './units.js';

const tolerance = duration.default('5m').describe('How far the time in the signature may be from ours.');

const verify = z
  .discriminatedUnion(
    'scheme',
    [
      z.strictObject({ scheme: z.literal('none') }).describe('Whoever knows the address may send. Said in so many words.'),
      z.strictObject({ scheme: z.literal('github'), secrets }),
      z.strictObject({ scheme: z.literal('shopify'), secrets }),
      z.strictObject({ scheme: z.literal('stripe'), secrets, tolerance }),
      z.strictObject({ scheme: z.literal('slack'), secrets, tolerance }),
      z.strictObject({ scheme: z.literal('standard-webhooks'), secrets, tolerance }),
      z.strictObject({
        scheme: z.literal('hmac'),
        header: headerName.describe('Header with the signature.'),
        algorithm: z.enum(['sha1', 'sha256', 'sha384', 'sha512']).default('sha256').describe('Of the HMAC over the raw body.'),
        encoding: z.enum(['hex', 'base64', 'base64url']).default('hex').describe('Of the signature in the header.'),
        prefix: z.string().default('').describe('What stands before the signature in the header, such as v1= or sha256=.'),
        secrets,
      }),
    ],
    {
      error: (issue) =>
        issue.code === 'invalid_union'
          ? says('has no known scheme', 'scheme: github, stripe, shopify, slack, standard-webhooks, hmac or none')
          : undefined,
    },
  )
  .describe('How a request proves where it comes from.');

const webhook = z.strictObject({
  verify,
  bodyMax: size.default('1MiB').describe('Larger bodies are answered with 413.'),
  contentTypes: z
    .array(
      z
        .string()
        .regex(/^[\w.+-]+\/[\w.+*-]+$/, says('is not a media type', 'write type/subtype without parameters, such as application/json')),
    )
    .min(1)
    .optional()
    .describe('Media types to accept. Without it any JSON type, forms and text; an absent one counts as JSON.'),
});

const topic = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,249}$/, says("cannot be a Kafka topic's name", 'use 1 to 249 letters, digits, dots, - and _'))
    .refine((text) => text !== '.' && text !== '..', { error: says("cannot be a Kafka topic's name", 'give the name of the topic') }),
  format: z.enum(['json', 'avro', 'cloudevents']).default('json').describe('avro: by the schema id in each record.'),
});

const event = z
  .strictObject({
    id: valueFrom.optional().describe("The sender's id of the event; made where there is none."),
    type: valueFrom.optional().describe('The event type; an event without one is invalid.'),
    entity: valueFrom.optional().describe('What the event is about, and so its order. Without it the event id: no order is promised.'),
    revision: valueFrom.optional().describe("The entity's revision: with it the same change on two ways is one event."),
    schemaVersion: valueFrom
      .optional()
      .describe('Of the data, for `transforms`. Without it an Avro record has the registry id of its schema, and others have none.'),
    time: valueFrom.optional().describe('When it happened: ISO 8601, or seconds or milliseconds since 1970.'),
  })
  .describe('Where the parts of the envelope come from.');

export const KEY_WORDS = ['id', 'entity', 'revision', 'time', 'digest'] as const;

const keyPart = z.string().refine((text) => (KEY_WORDS as readonly string[]).includes(text) || POINTER.test(text) || HEADER.test(text), {
  error: says('cannot be part of a key', `use ${KEY_WORDS.join(', ')}, a JSON Pointer or header:<name>`),
});

const idempotency = z.strictObject({
  key: z
    .array(keyPart)
    .min(1)
    .max(8)
    .optional()
    .describe('What makes two events the same one. By default [entity, revision] where the event has both, otherwise [id].'),
  digest: z
    .array(pointer)
    .min(1)
    .max(32)
    .optional()
    .describe('The fields whose digest is the part `digest` of the key; without it the whole body.'),
  window: duration.default('7d').describe('How long a key is remembered. At most the retention of the event log.'),
});

export const sourceSchema = z
  .strictObject({
    name: name.describe('Stands in the URL (/in/NAME), in events and in metrics.'),
    webhook: webhook.optional().describe('Its events come as POST /in/NAME.'),
    topic: topic.optional().describe("Its events come from a producer's Kafka topic."),
    event: event.prefault({}),
    idempotency: idempotency.prefault({}).describe('When two events are the same one.'),
  })
  .refine((source) => (source.webhook === undefined) !== (source.topic === undefined), {
    error: says(
      'needs either webhook or topic',
      'say where its events come from: webhook: { verify: … } or topic: { name: … }; a second way is a second source',
    ),
    path: ['name'],
  });
