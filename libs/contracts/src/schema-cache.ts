import type { RegisteredSchema, SchemaReader } from './registry.port.js';

const KNOWN_MAX = 5_000;
const UNKNOWN_MAX = 5_000;
/** An id may be registered a moment after its first record: asked again after this, and not for each record of a burst. */
const UNKNOWN_FOR_MS = 10_000;

export type CachedSchema<T> = Readonly<{ kind: 'known'; compiled: T }> | Readonly<{ kind: 'unknown' }> | Readonly<{ kind: 'not-asked' }>;

/**
 * What the registry said of schema ids, compiled once. Ids come from records, so both sides are bounded; one request
 * is under way per id.
 */
export class SchemaCache<T> {
  readonly #known = new Map<number, T>();
  readonly #unknown = new Map<number, number>();
  readonly #underWay = new Map<number, Promise<boolean>>();

  constructor(
    private readonly registry: SchemaReader,
    private readonly compile: (schema: RegisteredSchema) => T,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  get(id: number): CachedSchema<T> {
    const compiled = this.#known.get(id);
    if (compiled !== undefined) return { kind: 'known', compiled };
    const until = this.#unknown.get(id);
    if (until === undefined) return NOT_ASKED;
    if (until > this.nowMs()) return UNKNOWN;
    this.#unknown.delete(id);
    return NOT_ASKED;
  }

  /** False: the registry knows no schema of that id. Throws RegistryError when it does not answer. */
  learn(id: number): Promise<boolean> {
    const cached = this.get(id);
    if (cached.kind !== 'not-asked') return Promise.resolve(cached.kind === 'known');
    const underWay = this.#underWay.get(id);
    if (underWay) return underWay;
    const request = this.#fetch(id).finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, request);
    return request;
  }

  async #fetch(id: number): Promise<boolean> {
    const schema = await this.registry.schemaById(id);
    if (schema) remember(this.#known, id, this.compile(schema), KNOWN_MAX);
    else remember(this.#unknown, id, this.nowMs() + UNKNOWN_FOR_MS, UNKNOWN_MAX);
    return schema !== null;
  }
}

const UNKNOWN = { kind: 'unknown' } as const;
const NOT_ASKED = { kind: 'not-asked' } as const;

/** Forgets the oldest entry when full: it can be learned again. */
function remember<V>(map: Map<number, V>, id: number, value: V, max: number): void {
  const oldest = map.keys().next();
  if (map.size >= max && !oldest.done) map.delete(oldest.value);
  map.set(id, value);
}
