/**
 * Where a record stands in Kafka. It never changes, so every decision is made a pure function of it.
 *
 * Units   `offset` is a record's own, 0-based; safe as a JavaScript number up to 2^53.
 */
export type TopicPartition = Readonly<{ topic: string; partition: number }>;
export type Position = Readonly<{ topic: string; partition: number; offset: number }>;

/** `topic/partition/offset`, as it stands in facts, log lines and answers. */
export const formatPosition = ({ topic, partition, offset }: Position): string => `${topic}/${partition}/${offset}`;

/** The reverse of {@link formatPosition}; null when the text is not a position. */
export function parsePosition(text: string): Position | null {
  const match = /^([A-Za-z0-9._-]+)\/(\d{1,9})\/(\d{1,16})$/.exec(text);
  return match ? { topic: match[1]!, partition: Number(match[2]), offset: Number(match[3]) } : null;
}
