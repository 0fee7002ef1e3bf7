import type { Clock } from '#libs/kafka/src/index.js';
import { flatLine, type Logger, type Metrics } from '#libs/observability/src/index.js';
import type { DeliverReport, EndKind, SettledReport } from './deliver.ports.js';

export type DeliverTelling = DeliverReport &
  Readonly<{
    /** Partitions that do not move, and why: `destination/partition` → text. */
    waiting(): ReadonlyMap<string, string>;
  }>;

type Parts = Readonly<{
  logger: Logger;
  metrics: Pick<
    Metrics<'deliver'>,
    'deliveries' | 'attempts' | 'attemptSeconds' | 'processingSeconds' | 'endToEndSeconds' | 'duplicatesSent' | 'redisRebuilds'
  >;
  boundedType(type: string): string;
  clock: Pick<Clock, 'nowMs'>;
}>;

/** News of the pipelines as metrics, log lines and what readiness looks at. One wide line a settlement. */
export function deliverTelling({ logger, metrics, boundedType, clock }: Parts): DeliverTelling {
  const waiting = new Map<string, string>();
  const say = wideLine(logger);
  metrics.redisRebuilds.inc({ app: 'deliver' }, 0); // Shown from the start: a first one is then an increase.
  return {
    waiting: () => waiting,
    attempted: ({ destination, event }, entry) => {
      metrics.attempts.inc({ destination, type: boundedType(event.type), class: entry.class });
      metrics.attemptSeconds.observe({ destination }, entry.tookms / 1_000);
    },
    duplicateSent: (destination, cause) => metrics.duplicatesSent.inc({ destination, cause }),
    settled: (end) => {
      count(end, { metrics, boundedType, nowMs: clock.nowMs() });
      say(end);
    },
    stays: ({ id, destination }, reason) => logger.debug({ destination, delivery: id, reason }, 'the delivery stays in its lane'),
    destinationHeld: (destination, { reason, untilMs, detail }) =>
      logger.warn(
        { destination, reason, until: untilMs === null ? undefined : new Date(untilMs).toISOString(), detail: detail ?? undefined },
        'the destination is held',
      ),
    redisForgot: (destination, partition) => {
      metrics.redisRebuilds.inc({ app: 'deliver' });
      logger.warn({ destination, partition }, 'Redis forgot: every unsettled delivery of the partition counts as started');
    },
    waits: (name, partition, why) => {
      const key = `${name}/${partition}`;
      if (why === null) {
        if (waiting.delete(key)) logger.info({ destination: name, partition }, 'the partition goes on');
        return;
      }
      if (!waiting.has(key)) logger.error({ destination: name, partition, why }, 'the partition waits');
      waiting.set(key, why);
    },
  };
}

function count(end: SettledReport, { metrics, boundedType, nowMs }: Pick<Parts, 'metrics' | 'boundedType'> & { nowMs: number }): void {
  const { destination, delivery, kind } = end;
  const type = boundedType(delivery?.event.type ?? '');
  // A delayed delivery is on its way still: it counts when it is settled for good.
  if (kind !== 'delayed' && kind !== 'parked') metrics.deliveries.inc({ destination, type, verdict: kind });
  if (!delivery || !kind.startsWith('delivered')) return;
  metrics.processingSeconds.observe({ type, destination }, Math.max(0, nowMs - delivery.event.receivedat) / 1_000);
  if (delivery.event.time !== null)
    metrics.endToEndSeconds.observe({ type, destination }, Math.max(0, nowMs - delivery.event.time) / 1_000);
}

const FIELDS = [
  'destination',
  'verdict',
  'position',
  'delivery',
  'event',
  'type',
  'correlationId',
  'attempt',
  'hop',
  'class',
  'status',
  'error',
  'tookMs',
  'tier',
  'reason',
] as const;

/** Operators are to look at these. */
const WARNED: ReadonlySet<EndKind> = new Set(['dead-lettered', 'held', 'parked', 'unreadable']);

/** The one wide line of a settlement. */
function wideLine(logger: Logger): (end: SettledReport) => void {
  const [info, warn] = (['info', 'warn'] as const).map((level) => flatLine(logger, level, 'delivery settled', FIELDS)) as [Line, Line];
  return ({ destination, kind, position, delivery, last, tier, reason }) => {
    const event = delivery?.event;
    (WARNED.has(kind) ? warn : info)({
      destination,
      verdict: kind,
      position,
      delivery: delivery?.id,
      event: event?.id,
      type: event?.type,
      correlationId: event?.correlationid,
      attempt: last?.attempt ?? delivery?.attempt,
      hop: delivery?.hop,
      class: last?.class,
      status: last?.status ?? undefined,
      error: last?.error ?? undefined,
      tookMs: last?.tookms,
      tier: tier ?? undefined,
      reason: reason ?? undefined,
    });
  };
}

type Line = ReturnType<typeof flatLine<(typeof FIELDS)[number]>>;
