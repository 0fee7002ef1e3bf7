import type { Logger } from '#libs/kafka/src/index.js';
import type { IngestTelling } from './ingest.process.js';

/** A counter with its labels bound beforehand would be created per type; this one keeps those few. */
export type ReceivedCounter = Readonly<{ labels(labels: { source: string; type: string }): { inc(count?: number): void } }>;

export type TellingParts = Readonly<{
  logger: Logger;
  received: ReceivedCounter;
  /** Types that are not configured count as `other`. */
  boundedType(type: string): string;
}>;

export type TellingState = IngestTelling & Readonly<{ waitingFor(source: string): string | null }>;

/** One wide line a batch, a refusal, a copied chunk; none per event. Waiting is told once and when it ends. */
export function ingestTelling({ logger, received, boundedType }: TellingParts): TellingState {
  const counters = new Map<string, { inc(count?: number): void }>();
  const waiting = new Map<string, Map<number, string>>();
  return {
    received: (source, type) => {
      const label = boundedType(type);
      const key = `${source}\n${label}`;
      let counter = counters.get(key);
      if (counter === undefined) counters.set(key, (counter = received.labels({ source, type: label })));
      counter.inc();
    },
    refused: ({ error, ...line }) => {
      if (error === undefined) logger.warn(line, 'refused');
      else logger.error({ ...line, err: error }, 'the door failed');
    },
    round: ({ outcome, error, ...line }) => {
      if (outcome === 'appended') logger.debug({ ...line, outcome }, 'appended');
      else logger.error({ ...line, outcome, error }, 'a batch was not appended; its senders were told to repeat');
    },
    copied: (line) => logger.info(line, 'copied'),
    waiting: (source, partition, error) => {
      const partitions = waiting.get(source) ?? new Map<number, string>();
      waiting.set(source, partitions);
      const known = partitions.has(partition);
      if (error === null) {
        if (partitions.delete(partition)) logger.info({ source, partition }, 'goes on');
        return;
      }
      partitions.set(partition, error.message);
      if (!known) logger.warn({ source, partition, err: error }, 'waits');
    },
    waitingFor: (source) => waiting.get(source)?.values().next().value ?? null,
  };
}
