import type { Command, Delivery, Fact, HoldfastEvent } from '#libs/domain/src/index.js';

/** The four record kinds and their types. Avro field names are the TypeScript names: what is decoded is what is used. */
export type Contracts = { Event: HoldfastEvent; Delivery: Delivery; Fact: Fact; Command: Command };
export type ContractKind = keyof Contracts;

/** Why a value could not be read. `unknown-schema`: the registry knows no schema of that id. */
export type DecodeCode = 'bad-magic' | 'truncated' | 'unknown-schema' | 'unreadable';
export type DecodeFault = Readonly<{ ok: false; code: DecodeCode; message: string }>;
export type Decoded<T> = Readonly<{ ok: true; value: T }> | DecodeFault;
/** `decodeSync` met a schema id it has not seen: `await learn(schemaId)`, then ask again. */
export type NeedSchema = Readonly<{ ok: false; code: 'need-schema'; schemaId: number }>;

/**
 * Turns records into bytes and back in the registry's wire format (magic byte 0, 4-byte schema id, Avro body).
 * A broken registry is a thrown `RegistryError` (retryable); an unreadable value is an answer.
 */
export interface Codec {
  /** Synchronous: schema ids are known since the codec was opened. A value that does not fit the schema is a bug and throws. */
  encode<K extends ContractKind>(kind: K, value: Contracts[K]): Buffer;
  decodeSync<K extends ContractKind>(kind: K, bytes: Buffer): Decoded<Contracts[K]> | NeedSchema;
  /** As {@link decodeSync}, fetching a schema that is not known yet. */
  decode<K extends ContractKind>(kind: K, bytes: Buffer): Promise<Decoded<Contracts[K]>>;
  /** Fetches a schema; false when the registry knows none of that id. */
  learn(schemaId: number): Promise<boolean>;
}

/** A producer's record as JSON can say it: bytes as base64 text, longs as numbers or, past 2^53, as text, unions unwrapped. */
export type ForeignValue = Readonly<{ ok: true; value: unknown; schemaId: number }>;

/** Reads producers' own Avro. As with {@link Codec}: the synchronous way for a batch, the other one for a single record. */
export interface ForeignDecoder {
  decodeSync(bytes: Buffer): ForeignValue | DecodeFault | NeedSchema;
  decode(bytes: Buffer): Promise<ForeignValue | DecodeFault>;
  learn(schemaId: number): Promise<boolean>;
}
