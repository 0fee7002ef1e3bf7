import { resolve } from 'node:path';
import type { ConfigFault } from './configuration.js';
import type { Secret } from './secret.js';
import { readSecret } from './secret-store.js';

/** What the environment says (INTERFACES, "Environment"). Passwords stay behind a file. */
export type Settings = Readonly<{
  configPath: string;
  dataFolder: string;
  portBase: number | null;
  kafka: Readonly<{
    brokers: readonly string[];
    tls: boolean;
    sasl: Readonly<{ mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: Secret }> | null;
  }>;
  redisUrl: string;
  schemaRegistryUrl: string;
  databaseUrl: string;
  ingestPort: number;
  consolePort: number;
  adminPort: number;
  otlpEndpoint: string | null;
}>;

export type LoadedSettings = Readonly<{ ok: true; settings: Settings }> | Readonly<{ ok: false; faults: readonly ConfigFault[] }>;

type Environment = Readonly<Record<string, string | undefined>>;
/** The embedded services' ports (tools/stack/ports.ts), where no address is given. */
const EMBEDDED_PORTS = { kafka: 9092, redis: 6379, registry: 8085, postgres: 5432 };
const EMBEDDED_OFFSETS = { kafka: 0, redis: 1, registry: 2, postgres: 3 };
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

/** Reads the environment; every fault at once, said as those of the configuration are. An empty value counts as not given. */
export function loadSettings(env: Environment = process.env): LoadedSettings {
  const read = new Reader(env);
  const portBase = env['HOLDFAST_PORT_BASE'] ? read.port('HOLDFAST_PORT_BASE', 0) : null;
  const embedded = (name: keyof typeof EMBEDDED_PORTS) => (portBase === null ? EMBEDDED_PORTS[name] : portBase + EMBEDDED_OFFSETS[name]);
  const settings: Settings = {
    configPath: env['HOLDFAST_CONFIG'] || 'holdfast.yaml',
    dataFolder: env['HOLDFAST_DATA'] || '.holdfast',
    portBase,
    kafka: {
      brokers: read.brokers('KAFKA_BROKERS', `127.0.0.1:${embedded('kafka')}`),
      tls: read.flag('KAFKA_TLS'),
      sasl: read.sasl(),
    },
    redisUrl: read.url('REDIS_URL', ['redis:', 'rediss:'], `redis://127.0.0.1:${embedded('redis')}`),
    schemaRegistryUrl: read.url('SCHEMA_REGISTRY_URL', ['http:', 'https:'], `http://127.0.0.1:${embedded('registry')}/apis/ccompat/v7`),
    databaseUrl: read.url('DATABASE_URL', ['postgres:', 'postgresql:'], `postgres://holdfast@127.0.0.1:${embedded('postgres')}/holdfast`),
    ingestPort: read.port('INGEST_PORT', 8080),
    consolePort: read.port('CONSOLE_PORT', 8081),
    adminPort: read.port('ADMIN_PORT', 9100),
    otlpEndpoint: env['OTEL_EXPORTER_OTLP_ENDPOINT'] ? read.url('OTEL_EXPORTER_OTLP_ENDPOINT', ['http:', 'https:'], '') : null,
  };
  return read.faults.length > 0 ? { ok: false, faults: read.faults } : { ok: true, settings };
}

/** Reads one variable at a time and collects what is wrong. No value is shown: a URL may hold a password. */
class Reader {
  readonly faults: ConfigFault[] = [];

  constructor(private readonly env: Environment) {}

  port(name: string, fallback: number): number {
    const text = this.env[name];
    if (!text) return fallback;
    const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
    if (port < 0 || port > 65_535) this.#fault(name, 'is not a port', 'give a whole number from 0 to 65535');
    return port;
  }

  url(name: string, schemes: readonly string[], fallback: string): string {
    const text = this.env[name];
    if (!text) return fallback;
    if (!URL.canParse(text) || !schemes.includes(new URL(text).protocol)) {
      this.#fault(
        name,
        'is not such a URL',
        `begin with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}, such as ${fallback || 'http://127.0.0.1:4318'}`,
      );
    }
    return text;
  }

  brokers(name: string, fallback: string): string[] {
    const brokers = (this.env[name] || fallback).split(',').map((broker) => broker.trim());
    const good = brokers.every((broker) => /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(broker));
    if (!good) this.#fault(name, 'is not a list of brokers', 'write HOST:PORT, several separated by commas, without a scheme');
    return brokers;
  }

  flag(name: string): boolean {
    const text = (this.env[name] ?? '').toLowerCase();
    if (!['', 'true', 'false', '1', '0'].includes(text)) this.#fault(name, 'is neither true nor false', 'write true or false');
    return text === 'true' || text === '1';
  }

  sasl(): Settings['kafka']['sasl'] {
    const mechanism = this.env['KAFKA_SASL_MECHANISM']?.toLowerCase();
    if (!mechanism) return null;
    if (!(MECHANISMS as readonly string[]).includes(mechanism))
      this.#fault('KAFKA_SASL_MECHANISM', 'is not a mechanism we speak', `write one of ${MECHANISMS.join(', ')}`);
    const username = this.env['KAFKA_SASL_USERNAME'];
    if (!username) this.#fault('KAFKA_SASL_USERNAME', 'is missing', 'KAFKA_SASL_MECHANISM is set, so give the user too');
    const path = this.env['KAFKA_SASL_PASSWORD_FILE'];
    if (!path)
      this.#fault('KAFKA_SASL_PASSWORD_FILE', 'is missing', 'KAFKA_SASL_MECHANISM is set, so give the path of a file with the password');
    const password = path ? this.#password(path) : null;
    return username && password ? { mechanism: mechanism as (typeof MECHANISMS)[number], username, password } : null;
  }

  #password(path: string): Secret | null {
    try {
      return readSecret({ kind: 'file', path: resolve(path) });
    } catch (error) {
      this.#fault('KAFKA_SASL_PASSWORD_FILE', 'names a file without a password', (error as Error).message);
      return null;
    }
  }

  #fault(path: string, problem: string, mend: string): void {
    this.faults.push({ file: 'environment', line: 0, column: 0, path, problem, mend });
  }
}
