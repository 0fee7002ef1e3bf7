import { breakerGauge, type BreakerReport, type BreakerState } from '#libs/breaker/src/index.js';
import type { Logger, Metrics } from '#libs/observability/src/index.js';

type Parts = Readonly<{ logger: Logger; metrics: Pick<Metrics<'deliver'>, 'breakerState'>; destinations: readonly string[] }>;

/** Each change of a breaker as its metric and one log line with the cause. Every replica tells what it follows. */
export function breakerTelling({ logger, metrics, destinations }: Parts): BreakerReport {
  for (const destination of destinations) metrics.breakerState.set({ destination }, 0);
  return {
    breakerChanged: (destination, before, after) => {
      metrics.breakerState.set({ destination }, breakerGauge(after));
      const { phase } = after;
      const facts = { destination, from: before.phase.kind, to: phase.kind, ...factsOf(after) };
      if (phase.kind === 'open') logger.warn(facts, 'the breaker is open: nothing is sent until a probe succeeds');
      else logger.info(facts, `the breaker is ${phase.kind}`);
    },
  };
}

function factsOf({ phase, outage, last }: BreakerState): Record<string, unknown> {
  if (phase.kind === 'closed') return last ? { cause: last.cause, probes: last.probes, outageMs: last.untilMs - last.sinceMs } : {};
  const nextProbe = phase.kind === 'open' && phase.nextProbeMs !== null ? new Date(phase.nextProbeMs).toISOString() : undefined;
  return { cause: outage?.cause, probes: outage?.probes, since: outage ? new Date(outage.sinceMs).toISOString() : undefined, nextProbe };
}
