/** Names of Holdfast's own topics and groups under one prefix (`hf.` by default). */
export type TopicNames = Readonly<{
  events: string;
  dlq: string;
  invalid: string;
  ledger: string;
  commands: string;
  deliveries(destination: string): string;
  parked(destination: string): string;
  retry(tier: string): string;
}>;

export const topicNames = (prefix = 'hf.'): TopicNames => ({
  events: `${prefix}events`,
  dlq: `${prefix}dlq`,
  invalid: `${prefix}invalid`,
  ledger: `${prefix}ledger`,
  commands: `${prefix}commands`,
  deliveries: (destination) => `${prefix}deliveries.${destination}`,
  parked: (destination) => `${prefix}parked.${destination}`,
  retry: (tier) => `${prefix}retry.${tier}`,
});

/** Consumer groups: one a stage, one a destination, one a delay line, one a producer's topic. A group reads one topic only. */
export type GroupNames = Readonly<{
  dedupe: string;
  deliver(destination: string): string;
  delayLine(tier: string): string;
  ingest(source: string): string;
  dlq: string;
  invalid: string;
  /** Who carries out operators' commands. */
  commands: string;
  /** The projector's, of facts. */
  ledger: string;
  /** The projector's, of events. */
  ledgerEvents: string;
}>;

export const groupNames = (prefix = 'hf.'): GroupNames => ({
  dedupe: `${prefix}dedupe`,
  deliver: (destination) => `${prefix}deliver.${destination}`,
  delayLine: (tier) => `${prefix}delay.${tier}`,
  ingest: (source) => `${prefix}ingest.${source}`,
  dlq: `${prefix}dlq-handler.dlq`,
  invalid: `${prefix}dlq-handler.invalid`,
  commands: `${prefix}dlq-handler.commands`,
  ledger: `${prefix}ledger`,
  ledgerEvents: `${prefix}ledger.events`,
});
