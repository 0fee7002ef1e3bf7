import { RegistryError } from './errors.js';
import type { Compatibility, RegisteredSchema, SchemaPublisher, SchemaVersion } from './registry.port.js';

const ANSWER_MAX_MS = 10_000;
const REFERENCES_MAX = 64;
const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';
const NOT_FOUND = 404;
const CONFLICT = 409;
const UNPROCESSABLE = 422;

type SchemaAnswer = { schema: string; schemaType?: string; references?: Reference[]; id?: number; version?: number };
type Reference = { name: string; subject: string; version: number };
type Request = Readonly<{ method: 'GET' | 'POST' | 'PUT'; path: string; body?: unknown }>;

/**
 * The Confluent registry API over HTTP, with a bound on every wait.
 *
 * Not @kafkajs/confluent-schema-registry: that sets a subject's compatibility only after its first registration and
 * waits without a bound for an answer.
 *
 * @param url  base of the API, such as `http://localhost:8081` or `http://host:port/apis/ccompat/v7`; user and password in it become basic auth
 */
export class HttpRegistry implements SchemaPublisher {
  readonly #base: string;
  readonly #headers: Record<string, string> = { accept: MEDIA_TYPE, 'content-type': MEDIA_TYPE };

  constructor(url: string) {
    const parsed = new URL(url);
    if (parsed.username) {
      const pair = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
      this.#headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
    }
    parsed.username = parsed.password = '';
    this.#base = parsed.toString().replace(/\/+$/, '');
  }

  async schemaById(id: number): Promise<RegisteredSchema | null> {
    const answer = (await this.#ask({ method: 'GET', path: `/schemas/ids/${id}` })) as SchemaAnswer | null;
    if (!answer) return null;
    const references = await this.#referenced(answer.references ?? []);
    return { id, schema: answer.schema, references, type: (answer.schemaType ?? 'AVRO') as RegisteredSchema['type'] };
  }

  async idOf(subject: string, schema: string): Promise<number | null> {
    const answer = (await this.#ask({
      method: 'POST',
      path: `/subjects/${encodeURIComponent(subject)}`,
      body: { schema },
    })) as SchemaAnswer | null;
    return answer?.id ?? null;
  }

  async versions(subject: string): Promise<readonly SchemaVersion[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const numbers = ((await this.#ask({ method: 'GET', path })) as number[] | null) ?? [];
    const found: SchemaVersion[] = [];
    for (const version of numbers) {
      const answer = (await this.#ask({ method: 'GET', path: `${path}/${version}` })) as SchemaAnswer | null;
      if (answer) found.push({ version, id: answer.id!, schema: answer.schema });
    }
    return found;
  }

  async register(subject: string, schema: string): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const answer = (await this.#ask({ method: 'POST', path, body: { schema } })) as { id: number };
    return answer.id;
  }

  async compatibility(subject: string): Promise<Compatibility | null> {
    const path = `/config/${encodeURIComponent(subject)}`;
    const answer = (await this.#ask({ method: 'GET', path })) as { compatibilityLevel?: Compatibility } | null;
    return answer?.compatibilityLevel ?? null;
  }

  async setCompatibility(subject: string, level: Compatibility): Promise<void> {
    await this.#ask({ method: 'PUT', path: `/config/${encodeURIComponent(subject)}`, body: { compatibility: level } });
  }

  /** The texts a schema builds on, depth first, so that each is parsed after what it needs. */
  async #referenced(references: readonly Reference[], seen = new Set<string>()): Promise<string[]> {
    const texts: string[] = [];
    for (const { subject, version } of references) {
      const key = `${subject}/${version}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > REFERENCES_MAX) throw new RegistryError('refused', `a schema refers to more than ${REFERENCES_MAX} others`);
      const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`;
      const answer = (await this.#ask({ method: 'GET', path })) as SchemaAnswer | null;
      if (!answer) throw new RegistryError('refused', `the registry names a reference it does not have: ${key}`);
      texts.push(...(await this.#referenced(answer.references ?? [], seen)), answer.schema);
    }
    return texts;
  }

  /** The parsed answer; null for 404. */
  async #ask({ method, path, body }: Request): Promise<unknown> {
    const url = `${this.#base}${path}`;
    let status: number;
    let text: string;
    try {
      const response = await fetch(url, {
        method,
        headers: this.#headers,
        signal: AbortSignal.timeout(ANSWER_MAX_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      status = response.status;
      text = await response.text();
    } catch (cause) {
      throw new RegistryError(
        'unreachable',
        `the schema registry at ${this.#base} does not answer (${reason(cause)}); look at SCHEMA_REGISTRY_URL and whether it runs`,
        cause,
      );
    }
    if (status === NOT_FOUND) return null;
    if (status >= 200 && status < 300) return text === '' ? {} : this.#parse(url, text);
    if (status >= 500 || status === 429)
      throw new RegistryError('unreachable', `the schema registry answered ${status} to ${method} ${url}: ${text.slice(0, 300)}`);
    const code = status === CONFLICT || (status === UNPROCESSABLE && /compatib/i.test(text)) ? 'incompatible' : 'refused';
    throw new RegistryError(code, `the schema registry answered ${status} to ${method} ${url}: ${text.slice(0, 300)}`);
  }

  #parse(url: string, text: string): unknown {
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw new RegistryError('refused', `${url} did not answer in JSON: is SCHEMA_REGISTRY_URL the base of the Confluent API?`, cause);
    }
  }
}

function reason(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return inner instanceof Error ? ('code' in inner && String(inner.code)) || inner.message : String(inner);
}
