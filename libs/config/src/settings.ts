import type { Secret } from './secret.js';

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
