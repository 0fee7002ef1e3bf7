import type { HoldfastConfig, SecretRef, SecretStore, SourceConfig, ValueFrom } from '#libs/config/src/index.js';
import type { ForeignDecoder } from '#libs/contracts/src/index.js';
import { planEnvelope, type EnvelopeConfig } from './decide-envelope.js';
import type { TopicSource, WebhookSource } from './ingest.ports.js';
import { recordDecoder } from './record-decoder.js';
import { signatureVerifier } from './signature.js';

/** Bounds of the door and of the copying. */
export type IngestBounds = Readonly<{
  /** Bodies being read or answered, and as much again waiting for the log. */
  inFlightMaxBytes: number;
  /** One produce round, and one transaction of a topic's copy: below what the broker takes in one batch. */
  batchMaxBytes: number;
  batchMaxRecords: number;
  /** From a complete request to its 202 or 503. */
  appendMaxMs: number;
  /** From the first byte of a request to its last: a sender that drips must not hold its bytes for ever. */
  requestMaxMs: number;
}>;

const BATCH_MAX_BYTES = 512 * 1024;

export const ingestBoundsDefault: IngestBounds = {
  inFlightMaxBytes: 64 * 1024 * 1024,
  batchMaxBytes: BATCH_MAX_BYTES,
  batchMaxRecords: 1_000,
  appendMaxMs: 5_000,
  requestMaxMs: 30_000,
};

/** A batch may not be larger than the largest record the event log takes. */
export const boundsFor = (config: Pick<HoldfastConfig, 'topics'>): IngestBounds => ({
  ...ingestBoundsDefault,
  batchMaxBytes: Math.min(BATCH_MAX_BYTES, Math.floor(config.topics.messageMaxBytes / 2)),
});

export function webhookSources(config: Pick<HoldfastConfig, 'sources'>, secrets: Pick<SecretStore, 'get'>): WebhookSource[] {
  return config.sources.flatMap((source) => {
    if (source.webhook === null) return [];
    const { verify, bodyMaxBytes, contentTypes } = source.webhook;
    const signature = signatureVerifier(verify, secrets);
    return [{ name: source.name, bodyMaxBytes, contentTypes, envelope: planEnvelope(source), signature }];
  });
}

export function topicSources(config: Pick<HoldfastConfig, 'sources'>, avro: ForeignDecoder): TopicSource[] {
  return config.sources.flatMap((source) => {
    if (source.topic === null) return [];
    const { name: topic, format } = source.topic;
    const envelope = planEnvelope(format === 'cloudevents' ? namedByCloudEvents(source) : source);
    return [{ name: source.name, topic, envelope, decoder: recordDecoder(format, avro) }];
  });
}

/** A CloudEvent names itself; what the configuration says goes first. */
function namedByCloudEvents({ name, event, idempotency }: SourceConfig): EnvelopeConfig {
  const attribute = (configured: ValueFrom | null, header: string): ValueFrom => configured ?? { kind: 'header', name: header };
  return {
    name,
    idempotency,
    event: {
      id: attribute(event.id, 'ce_id'),
      type: attribute(event.type, 'ce_type'),
      entity: attribute(event.entity, 'ce_subject'),
      revision: event.revision,
      time: attribute(event.time, 'ce_time'),
      schemaVersion: attribute(event.schemaVersion, 'ce_schemaversion'),
    },
  };
}

/** The secrets this app opens: those of its own sources, since others' may not be there. */
export const secretsOf = ({ sources }: Pick<HoldfastConfig, 'sources'>): SecretRef[] =>
  sources.flatMap(({ webhook }) => (webhook !== null && 'secrets' in webhook.verify ? webhook.verify.secrets : []));
