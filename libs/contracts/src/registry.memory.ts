import { RegistryError } from './errors.js';
import { compatibilityFaults } from './compatibility.js';
import type { Compatibility, RegisteredSchema, SchemaPublisher, SchemaVersion } from './registry.port.js';

/** A registry in memory, for tests and the simulator: same answers as the real one, one id per text over all subjects. */
export class MemoryRegistry implements SchemaPublisher {
  readonly #ids = new Map<string, number>();
  readonly #subjects = new Map<string, SchemaVersion[]>();
  readonly #levels = new Map<string, Compatibility>();
  /** How often a schema was asked for by id: a test sees whether the caches hold. */
  reads = 0;

  async schemaById(id: number): Promise<RegisteredSchema | null> {
    this.reads += 1;
    for (const [schema, known] of this.#ids) if (known === id) return { id, schema, references: [], type: 'AVRO' };
    return null;
  }

  async idOf(subject: string, schema: string): Promise<number | null> {
    const text = canonical(schema);
    return this.#subjects.get(subject)?.find((version) => version.schema === text)?.id ?? null;
  }

  async versions(subject: string): Promise<readonly SchemaVersion[]> {
    return [...(this.#subjects.get(subject) ?? [])];
  }

  async register(subject: string, schema: string): Promise<number> {
    const text = canonical(schema);
    const versions = this.#subjects.get(subject) ?? [];
    const standing = versions.find((version) => version.schema === text);
    if (standing) return standing.id;
    if (this.#levels.get(subject) === 'BACKWARD_TRANSITIVE') {
      const older = versions.map((version) => ({ name: `version ${version.version}`, schema: version.schema }));
      const faults = compatibilityFaults(text, older);
      if (faults.length > 0) throw new RegistryError('incompatible', `${subject}: ${faults.join('; ')}`);
    }
    const id = this.#ids.get(text) ?? this.#ids.size + 1;
    this.#ids.set(text, id);
    this.#subjects.set(subject, [...versions, { version: versions.length + 1, id, schema: text }]);
    return id;
  }

  async compatibility(subject: string): Promise<Compatibility | null> {
    return this.#levels.get(subject) ?? null;
  }

  async setCompatibility(subject: string, level: Compatibility): Promise<void> {
    this.#levels.set(subject, level);
  }
}

const canonical = (schema: string): string => JSON.stringify(JSON.parse(schema));
