import { failed, partly, passed, type CheckResult, type Readiness } from '#libs/observability/src/index.js';
import type { LogCluster } from '#libs/kafka/src/index.js';
import type { IngestProcess, TopicSourceStatus } from './ingest.process.js';

export type HealthParts = Readonly<{
  ingest: Pick<IngestProcess, 'status' | 'stalled'>;
  cluster: Pick<LogCluster, 'partitions'>;
  eventsTopic: string;
  /** What a source waits for; null: nothing. */
  waitingFor(source: string): string | null;
}>;

/** `kafka`, and one check a topic source. A source without its topic is missing by itself; the app goes on for the others. */
export function registerHealth(readiness: Readiness, parts: HealthParts): void {
  readiness.register('kafka', kafkaCheck(parts));
  for (const { source } of parts.ingest.status()) {
    readiness.register(`source ${source}`, () =>
      sourceCheck(
        parts.ingest.status().find((one) => one.source === source)!,
        parts,
      ),
    );
  }
}

function kafkaCheck({ cluster, eventsTopic, ingest }: HealthParts): () => Promise<CheckResult> {
  let asking: Promise<number | null> | null = null;
  return async () => {
    if (ingest.stalled()) return failed('Kafka does not answer the door', 'Look at the brokers and at KAFKA_BROKERS.');
    // A look-up that hangs is waited for by all who ask, so that an outage does not pile them up.
    asking ??= cluster.partitions(eventsTopic).finally(() => (asking = null));
    const partitions = await asking;
    return partitions === null ? failed(`the topic ${eventsTopic} is missing`, 'Run: npx holdfast topics apply') : passed;
  };
}

function sourceCheck({ source, topic, group, joined, missingTopic }: TopicSourceStatus, { waitingFor }: HealthParts): CheckResult {
  if (missingTopic) return partly(`the topic ${topic} of source ${source} is missing`, 'Have its producer create it, or correct the name.');
  if (!joined) return failed(`source ${source} is not in its group ${group}`, 'Look at the brokers; it joins by itself.');
  const reason = waitingFor(source);
  return reason === null ? passed : partly(`source ${source} waits: ${reason}`, 'It goes on by itself once that is mended.');
}
