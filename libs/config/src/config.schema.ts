import { z } from 'zod';
import { credentials } from './auth.schema.js';
import { consoleSchema } from './console.schema.js';
import { destinationSchema } from './destination.schema.js';
import { says } from './says.js';
import { sourceSchema } from './source.schema.js';
import { transform, transforms } from './transform.schema.js';
import { duration, name, size, typePatterns, url } from './value.schema.js';

const retention = (time: string) =>
  z
    .union([duration, z.strictObject({ time: duration.default(time), bytes: size.optional() })], {
      error: says('is not a retention', `write a duration such as ${time}, or { time: ${time}, bytes: 50GiB } (bytes are per partition)`),
    })
    .default(time);

const topics = z.strictObject({
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,32}$/, says("cannot begin a Kafka topic's name", 'use 1 to 32 letters, digits, dots, - and _'))
    .default('hf.')
    .describe("Begins the names of Holdfast's own topics and groups."),
  partitions: z.number().int().min(1).max(1024).default(6).describe('Of each topic. Frozen once the topic stands.'),
  replication: z.number().int().min(1).max(9).optional().describe('By default 3, or 1 with singleNode.'),
  minInSyncReplicas: z.number().int().min(1).max(9).optional().describe('By default 2, or 1 with singleNode.'),
  messageMax: size.default('4MiB').describe('The largest record of the event log; later topics take a little more.'),
  retention: z
    .strictObject({
      events: retention('30d'),
      deliveries: retention('30d'),
      retry: retention('30d'),
      parked: retention('30d'),
      dlq: retention('90d'),
      invalid: retention('90d'),
      ledger: retention('90d'),
      commands: retention('90d'),
    })
    .prefault({})
    .describe(
      'How long each is kept: a duration, or { time, bytes }, bytes being per partition and without bound where they are not given.',
    ),
});

const route = z.strictObject({
  from: z.array(name).min(1).optional().describe('Names of sources; without it all of them.'),
  types: typePatterns.default(['*']).describe('Event types; * matches any run of characters, dots included.'),
  to: name.describe('Name of a destination.'),
  ordering: z
    .enum(['unordered', 'latest-wins', 'strict'])
    .default('unordered')
    .describe('What a failing delivery means for later ones of its entity.'),
  transform: transform.optional().describe('What makes the body out of the data; without one the body goes byte for byte.'),
  transforms: transforms
    .optional()
    .describe('Several, by type and schema version; the first that fits. An event that none fits is a dead letter.'),
  coalesce: z
    .union([duration, z.strictObject({ window: duration })], {
      error: says('is not a window', 'write { window: 10s }'),
    })
    .optional()
    .describe('With latest-wins, { window }: one delivery for each entity and window goes out, the newest.'),
  onDeadLetter: z
    .enum(['stop', 'continue'])
    .optional()
    .describe("With strict, what a dead letter means for its entity's later events; by default what the destination says."),
});

const eventType = z.strictObject({
  type: z.string().min(1),
  schema: z.string().min(1).optional().describe('Path of its JSON Schema.'),
  owner: z.string().min(1).optional().describe('Who is asked about it.'),
});

const ALERTS = ['dead-letter', 'breaker', 'credentials', 'invalid', 'time-to-loss', 'long-hold'] as const;
const alert = z.strictObject({
  name: name.describe('Whom it concerns; a ticket is sent once to each.'),
  webhook: z.strictObject({ url: url.describe('Gets each alert by POST, as JSON.') }),
  on: z
    .array(z.enum(ALERTS))
    .min(1)
    .default([...ALERTS])
    .describe('What is told.'),
});

/** Everything that may stand in holdfast.yaml, as a person writes it. Durations and sizes stay text; `resolveConfig` makes numbers of them. */
export const configSchema = z
  .strictObject({
    version: z.literal(1, says('is not a version we read', 'write version: 1')).describe('Of this format.'),
    singleNode: z.boolean().default(false).describe('Allows replication 1; without it replication 3 and min ISR 2 are required.'),
    environment: z
      .string()
      .min(1)
      .default('production')
      .describe('dev allows loopback and private destinations and makes missing source topics; elsewhere outbound.allow lists them.'),
    outbound: z
      .strictObject({
        allow: z.array(z.string().min(1)).default([]).describe('Private networks (CIDR), addresses and host names that may be called.'),
      })
      .prefault({})
      .describe('Whom deliveries and lookups may call.'),
    credentials: credentials
      .prefault({})
      .describe('How tokens are kept. credentials/<environment>.yaml beside the configuration overlays those of one environment.'),
    topics: topics.prefault({}).describe("Holdfast's own topics."),
    retry: z
      .strictObject({ tiers: z.array(duration).max(32).default(['30s', '2m', '15m']).describe('The delay lines that exist.') })
      .prefault({}),
    sources: z.array(sourceSchema).max(1000).default([]).describe('Where events come from.'),
    destinations: z.array(destinationSchema).max(1000).default([]).describe('Where events go.'),
    routes: z.array(route).max(10_000).default([]).describe('Which events go where. Every route that fits counts.'),
    eventTypes: z.array(eventType).max(10_000).default([]).describe('Types by name: a metric names these, and counts all others as other.'),
    alerts: z.array(alert).max(100).default([]).describe('Who is told.'),
    console: consoleSchema.prefault({}).describe('The page and API of operators and auditors.'),
  })
  .describe('Configuration of Holdfast.');

export type WrittenConfig = z.output<typeof configSchema>;
export type WrittenSource = WrittenConfig['sources'][number];
export type WrittenDestination = WrittenConfig['destinations'][number];
export type WrittenRoute = WrittenConfig['routes'][number];

let jsonSchema: object | undefined;

/** For editors; `schemas/holdfast.config.schema.json` is this, written out. Made once: it takes longer than a whole check. */
export function configJsonSchema(): object {
  jsonSchema ??= { ...z.toJSONSchema(configSchema, { io: 'input' }), title: 'holdfast.yaml' };
  return jsonSchema;
}
