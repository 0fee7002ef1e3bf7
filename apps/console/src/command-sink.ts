import type { Codec } from '#libs/contracts/src/index.js';
import type { RecordSink } from '#libs/kafka/src/index.js';
import type { CommandSink } from './console.ports.js';

export type CommandSinkParts = Readonly<{ sink(): Promise<RecordSink>; codec: Pick<Codec, 'encode'>; topic: string }>;

/** Commands as records of `hf.commands`, keyed by their id. */
export function commandSink({ sink, codec, topic }: CommandSinkParts): CommandSink {
  let opened: Promise<RecordSink> | null = null;
  const open = (): Promise<RecordSink> =>
    (opened ??= sink().catch((error: unknown) => {
      opened = null;
      throw error;
    }));
  return {
    send: async (commands) => {
      const records = commands.map((command) => ({ topic, key: command.id, value: codec.encode('Command', command), headers: {} }));
      await (await open()).append(records);
    },
  };
}
