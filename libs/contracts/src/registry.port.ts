/** A schema as a registry keeps it: `schema` is its JSON text, `references` the texts it builds on, in the order to parse them. */
export type RegisteredSchema = Readonly<{ id: number; schema: string; references: readonly string[]; type: 'AVRO' | 'JSON' | 'PROTOBUF' }>;
export type SchemaVersion = Readonly<{ version: number; id: number; schema: string }>;
export type Compatibility = 'NONE' | 'BACKWARD' | 'BACKWARD_TRANSITIVE' | 'FORWARD' | 'FORWARD_TRANSITIVE' | 'FULL' | 'FULL_TRANSITIVE';

/**
 * What the running apps ask of a registry. A registry that does not answer is a thrown {@link RegistryError} with
 * `retryable: true`; that it knows no such schema is an answer (null).
 */
export interface SchemaReader {
  schemaById(id: number): Promise<RegisteredSchema | null>;
  /** The id under which exactly this schema stands in the subject. */
  idOf(subject: string, schema: string): Promise<number | null>;
}

/** What `holdfast schemas` asks of it. */
export interface SchemaPublisher extends SchemaReader {
  /** Every version, oldest first; empty for a subject that is not there. */
  versions(subject: string): Promise<readonly SchemaVersion[]>;
  /** Idempotent: a schema that stands already gives its id again. A refused one throws `incompatible`. */
  register(subject: string, schema: string): Promise<number>;
  /** null: nothing is set for the subject, the registry's own default holds. */
  compatibility(subject: string): Promise<Compatibility | null>;
  setCompatibility(subject: string, level: Compatibility): Promise<void>;
}
