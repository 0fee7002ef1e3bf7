import { openCodec } from './codec.avsc.js';
import type { Codec } from './codec.port.js';
import type { SchemaReader } from './registry.port.js';

/** A codec that is opened with the first record: a registry that is not there yet makes partitions wait (retryable), not the app fail. */
export function codecWhenAsked(registry: SchemaReader): Pick<Codec, 'decode'> & Readonly<{ whole(): Promise<Codec> }> {
  let opening: Promise<Codec> | null = null;
  const open = (): Promise<Codec> =>
    (opening ??= openCodec(registry).catch((error: unknown) => {
      opening = null;
      throw error;
    }));
  return { decode: async (kind, bytes) => (await open()).decode(kind, bytes), whole: open };
}
