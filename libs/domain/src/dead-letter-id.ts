/** Where a dead letter or an invalid event stands, as one word for URLs: `dlq-<partition>-<offset>`, `invalid-<partition>-<offset>`. */
export type DeadLetterPlace = Readonly<{ room: 'dlq' | 'invalid'; partition: number; offset: number }>;

export const formatDeadLetterId = ({ room, partition, offset }: DeadLetterPlace): string => `${room}-${partition}-${offset}`;

const ID = /^(dlq|invalid)-(\d{1,6})-(\d{1,15})$/;

export function parseDeadLetterId(id: string): DeadLetterPlace | null {
  const match = ID.exec(id);
  if (!match) return null;
  return { room: match[1] as DeadLetterPlace['room'], partition: Number(match[2]), offset: Number(match[3]) };
}
