import type { WrittenConfig, WrittenDestination, WrittenSource } from './config.schema.js';

/** Where known senders keep the parts of the envelope. */
const SENDERS: Readonly<Record<string, WrittenSource['event']>> = {
  github: { id: 'header:x-github-delivery', type: 'header:x-github-event' },
  stripe: { id: '/id', type: '/type', time: '/created' },
  shopify: { id: 'header:x-shopify-event-id', type: 'header:x-shopify-topic', time: 'header:x-shopify-triggered-at' },
  slack: { id: '/event_id', type: '/event/type', time: '/event_time' },
  'standard-webhooks': { id: 'header:webhook-id', type: '/type', time: '/timestamp' },
};
/** A type is looked for where most senders put it. An id is not: a body's `/id` is often its entity's, and would make changes doubles. */
const ANY_SENDER: WrittenSource['event'] = { type: '/type' };

export type CompleteSource = WrittenSource & { idempotency: { key: string[] } };
export type CompleteDestination = WrittenDestination & { retry: { tiers: string[]; maxAttempts: number } };
export type CompleteConfig = Omit<WrittenConfig, 'sources' | 'destinations' | 'routes' | 'topics'> & {
  topics: WrittenConfig['topics'] & { replication: number; minInSyncReplicas: number };
  sources: CompleteSource[];
  destinations: CompleteDestination[];
  routes: (WrittenConfig['routes'][number] & { from: string[] })[];
};

/** Adds the defaults that depend on another part. The shape stays what a person writes, so that --explain can show it. */
export function completeConfig(written: WrittenConfig): CompleteConfig {
  const names = written.sources.map(({ name }) => name);
  return {
    ...written,
    topics: {
      ...written.topics,
      replication: written.topics.replication ?? (written.singleNode ? 1 : 3),
      minInSyncReplicas: written.topics.minInSyncReplicas ?? (written.singleNode ? 1 : 2),
    },
    sources: written.sources.map(completeSource),
    destinations: written.destinations.map((destination) => {
      const tiers = destination.retry.tiers ?? written.retry.tiers;
      return { ...destination, retry: { ...destination.retry, tiers, maxAttempts: destination.retry.maxAttempts ?? tiers.length + 1 } };
    }),
    routes: written.routes.map((route) => ({ ...route, from: route.from ?? names })),
  };
}

function completeSource(source: WrittenSource): CompleteSource {
  const known = source.webhook ? SENDERS[source.webhook.verify.scheme] : undefined;
  const cloudEvents = source.topic?.format === 'cloudevents'; // They carry their own id, type, subject and time.
  const event = { ...(known ?? (cloudEvents ? {} : ANY_SENDER)), ...source.event };
  const { key, digest } = source.idempotency;
  const byDefault = digest ? ['entity', 'digest'] : event.entity && event.revision ? ['entity', 'revision'] : ['id'];
  return { ...source, event, idempotency: { ...source.idempotency, key: key ?? byDefault } };
}
