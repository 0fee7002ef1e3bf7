import type { DecodeFault } from './codec.port.js';

/** Magic byte 0 and the schema id, big-endian, stand before the Avro body. */
export const HEADER_BYTES = 5;
const MAGIC = 0;

export function schemaIdOf(bytes: Buffer): number | DecodeFault {
  if (bytes.length > 0 && bytes[0] !== MAGIC)
    return fault('bad-magic', `begins with byte ${bytes[0]}, not with the registry's magic byte 0`);
  if (bytes.length < HEADER_BYTES) return fault('truncated', `${bytes.length} bytes: shorter than the magic byte and schema id`);
  return bytes.readUInt32BE(1);
}

export function writeHeader(bytes: Buffer, at: number, schemaId: number): void {
  bytes[at] = MAGIC;
  bytes.writeUInt32BE(schemaId, at + 1);
}

export const fault = (code: DecodeFault['code'], message: string): DecodeFault => ({ ok: false, code, message });
export const unknownSchema = (id: number): DecodeFault => fault('unknown-schema', `the registry knows no schema ${id}`);
