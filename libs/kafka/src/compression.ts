import { gunzipSync, constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { LogError } from './log.port.js';

/** Codec ids as they stand in a record batch's attributes. */
export const codec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;

/** What one batch may grow to: far above any batch a broker takes, and a bound on a hostile one. */
export const decompressedMaxBytes = 134_217_728;

const zstdOptions = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

export const compressZstd = (data: Buffer): Buffer => zstdCompressSync(data, zstdOptions);

/** `where` names the batch in errors. Snappy and lz4 have no maintained codec here, so their batches are refused with what to change. */
export function decompress(id: number, data: Buffer, where: string): Buffer {
  switch (id) {
    case codec.none:
      return data;
    case codec.gzip:
      return gunzipSync(data, { maxOutputLength: decompressedMaxBytes });
    case codec.zstd:
      return zstdDecompressSync(data, { maxOutputLength: decompressedMaxBytes });
    default: {
      const name = id === codec.snappy ? 'snappy' : id === codec.lz4 ? 'lz4' : `codec ${id}`;
      throw new LogError(
        'unreadable',
        `${where} is compressed with ${name}, which Holdfast cannot read: let the producer use zstd or gzip, or set the topic's compression.type to zstd`,
      );
    }
  }
}
