/**
 * Every metric Holdfast exports, in one place. `docs/reference/metrics.md` is compared with this list both ways by a test.
 *
 * Labels are bounded: `destination`, `source`, `tier` and `group` come from the configuration, `type` passes `boundedType`.
 * Units stand in the name: `_seconds`, `_total` (a counter), `_records`.
 */
export type AppName = 'ingest' | 'dedupe' | 'deliver' | 'dlq-handler' | 'ledger' | 'outbox-relay' | 'console';

export type MetricDefinition = Readonly<{
  kind: 'counter' | 'gauge' | 'histogram';
  name: `holdfast_${string}`;
  help: string;
  labels: readonly string[];
  apps: readonly AppName[];
  buckets?: readonly number[];
}>;

const EVERYWHERE = ['ingest', 'dedupe', 'deliver', 'dlq-handler', 'ledger', 'outbox-relay', 'console'] as const;
/** A request to a partner: from a healthy 5 ms to the longest timeout in use. */
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;
/** The way through: from milliseconds to the delay lines and a long outage. */
const WAY_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 900, 3600, 14_400, 86_400] as const;

export const metricCatalogue = {
  eventsReceived: {
    kind: 'counter',
    name: 'holdfast_events_received_total',
    help: 'Events acknowledged at the door, each durable in hf.events.',
    labels: ['source', 'type'],
    apps: ['ingest'],
  },
  eventsJudged: {
    kind: 'counter',
    name: 'holdfast_events_judged_total',
    help: 'Events by the verdict of dedupe: accepted, duplicate, superseded, invalid, unrouted.',
    labels: ['type', 'verdict'],
    apps: ['dedupe'],
  },
  deliveries: {
    kind: 'counter',
    name: 'holdfast_deliveries_total',
    help: 'Deliveries settled, by their verdict.',
    labels: ['destination', 'type', 'verdict'],
    apps: ['deliver'],
  },
  attempts: {
    kind: 'counter',
    name: 'holdfast_attempts_total',
    help: 'Requests to partners, by the class of their outcome.',
    labels: ['destination', 'type', 'class'],
    apps: ['deliver'],
  },
  attemptSeconds: {
    kind: 'histogram',
    name: 'holdfast_attempt_seconds',
    help: 'How long one request to a partner took.',
    labels: ['destination'],
    apps: ['deliver'],
    buckets: REQUEST_SECONDS,
  },
  processingSeconds: {
    kind: 'histogram',
    name: 'holdfast_processing_seconds',
    help: 'From the receipt of an event to the settlement of its delivery.',
    labels: ['type', 'destination'],
    apps: ['deliver'],
    buckets: WAY_SECONDS,
  },
  endToEndSeconds: {
    kind: 'histogram',
    name: 'holdfast_end_to_end_seconds',
    help: "From the source's own time of an event to the settlement of its delivery.",
    labels: ['type', 'destination'],
    apps: ['deliver'],
    buckets: WAY_SECONDS,
  },
  retryDepth: {
    kind: 'gauge',
    name: 'holdfast_retry_depth',
    help: 'Deliveries that wait in a delay line.',
    labels: ['tier', 'type'],
    apps: ['deliver'],
  },
  parkedDepth: {
    kind: 'gauge',
    name: 'holdfast_parked_depth',
    help: 'Deliveries of strict entities that wait, in order, behind one that fails.',
    labels: ['destination'],
    apps: ['deliver'],
  },
  breakerState: {
    kind: 'gauge',
    name: 'holdfast_breaker_state',
    help: 'The breaker of a destination: 0 closed, 1 half-open, 2 open.',
    labels: ['destination'],
    apps: ['deliver'],
  },
  holdSeconds: {
    kind: 'gauge',
    name: 'holdfast_hold_seconds',
    help: 'For how long a destination has been held, by reason; 0 when it is not.',
    labels: ['destination', 'reason'],
    apps: ['deliver'],
  },
  concurrencyLimit: {
    kind: 'gauge',
    name: 'holdfast_concurrency_limit',
    help: 'How many requests this replica may have under way at a destination with adaptive concurrency.',
    labels: ['destination'],
    apps: ['deliver'],
  },
  rateLimitTokens: {
    kind: 'counter',
    name: 'holdfast_rate_limit_tokens_total',
    help: "Tokens of a destination's rate that this replica leased: used, or lapsed because nobody wanted them in their time.",
    labels: ['destination', 'result'],
    apps: ['deliver'],
  },
  duplicatesSent: {
    kind: 'counter',
    name: 'holdfast_duplicates_sent_total',
    help: 'Requests that may have taken effect twice at a partner, by cause.',
    labels: ['destination', 'cause'],
    apps: ['deliver'],
  },
  tokenRefresh: {
    kind: 'counter',
    name: 'holdfast_token_refresh_total',
    help: 'Refreshes of the credentials of a destination, by result.',
    labels: ['destination', 'result'],
    apps: ['deliver'],
  },
  dlqDepth: {
    kind: 'gauge',
    name: 'holdfast_dlq_depth',
    help: 'Dead letters that wait for an operator.',
    labels: ['destination', 'type'],
    apps: ['dlq-handler'],
  },
  invalidDepth: {
    kind: 'gauge',
    name: 'holdfast_invalid_depth',
    help: 'Invalid events that wait for an operator.',
    labels: ['source', 'type'],
    apps: ['dlq-handler'],
  },
  lagRecords: {
    kind: 'gauge',
    name: 'holdfast_lag_records',
    help: 'Records between what a group has settled and the last stable offset, over all partitions.',
    labels: ['group', 'topic'],
    apps: EVERYWHERE,
  },
  timeToLossSeconds: {
    kind: 'gauge',
    name: 'holdfast_time_to_loss_seconds',
    help: 'How far the oldest unsettled record of a topic is from its retention.',
    labels: ['topic'],
    apps: EVERYWHERE,
  },
  redisRebuilds: {
    kind: 'counter',
    name: 'holdfast_redis_rebuilds_total',
    help: 'Times an app found that Redis had forgotten and judged the missing range again.',
    labels: ['app'],
    apps: EVERYWHERE,
  },
  ready: {
    kind: 'gauge',
    name: 'holdfast_ready',
    help: 'Whether a readiness check of this app passes: 1 or 0.',
    labels: ['check'],
    apps: EVERYWHERE,
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricCatalogue = typeof metricCatalogue;
