import type { CommandSink, Cursor, DeadLettersReader, DestinationsReader, OperationsReader } from './console.ports.js';
import { decideCommands, type Asked } from './decide-commands.js';
import { formatCursor } from './decide-cursor.js';
import type { EventAnswersParts } from './event-answers.js';

/** What the routes need of their process. */
export type ApiPorts = EventAnswersParts &
  Readonly<{
    deadLetters: DeadLettersReader;
    commands: CommandSink;
    operations: OperationsReader;
    destinations: DestinationsReader;
    /** Names of the configuration. */
    knownDestinations: ReadonlySet<string>;
    nowMs(): number;
    newId(): string;
  }>;

export const cursorText = (cursor: Cursor | null): string | null => (cursor === null ? null : formatCursor(cursor));

/** Durable before it is answered. */
export async function send(asked: Asked, { commands, nowMs, newId }: ApiPorts): Promise<{ operationId: string; count: number }> {
  const operationId = newId();
  await commands.send(decideCommands({ ...asked, operationId, at: nowMs() }));
  return { operationId, count: asked.ids.length };
}
