// Goal: the environment becomes settings, with the defaults of INTERFACES, and every fault is said without showing a value.
import { describe, expect, it } from '@jest/globals';
import { formatFault, loadSettings } from './index.js';
import { written } from './testing/written.js';

const settings = (env: Record<string, string>) => {
  const loaded = loadSettings(env);
  if (!loaded.ok) throw new Error(loaded.faults.map((fault) => formatFault(fault)).join('\n'));
  return loaded.settings;
};

describe('settings', () => {
  it('without anything are those of the embedded services', () => {
    expect(settings({})).toEqual({
      configPath: 'holdfast.yaml',
      dataFolder: '.holdfast',
      portBase: null,
      kafka: { brokers: ['127.0.0.1:9092'], tls: false, sasl: null },
      redisUrl: 'redis://127.0.0.1:6379',
      schemaRegistryUrl: 'http://127.0.0.1:8085/apis/ccompat/v7',
      databaseUrl: 'postgres://holdfast@127.0.0.1:5432/holdfast',
      ingestPort: 8080,
      consolePort: 8081,
      adminPort: 9100,
      otlpEndpoint: null,
    });
  });

  it('take what is given, and an empty value counts as not given', () => {
    using folder = written({ password: 'hunter2\n' });
    const found = settings({
      KAFKA_BROKERS: 'a:9092, b.example:9093,[::1]:9094',
      KAFKA_TLS: 'true',
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_SASL_USERNAME: 'u',
      KAFKA_SASL_PASSWORD_FILE: folder.path('password'),
      REDIS_URL: '',
      INGEST_PORT: '0',
    });
    expect(found.kafka).toMatchObject({
      brokers: ['a:9092', 'b.example:9093', '[::1]:9094'],
      tls: true,
      sasl: { mechanism: 'scram-sha-512', username: 'u' },
    });
    expect(found.kafka.sasl!.password.reveal().toString()).toBe('hunter2');
    expect(JSON.stringify(found)).not.toContain('hunter2');
    expect([found.redisUrl, found.ingestPort]).toEqual(['redis://127.0.0.1:6379', 0]);
  });

  it('say every fault with its variable and mend, and show no value', () => {
    const loaded = loadSettings({
      KAFKA_BROKERS: 'kafka://hunter2',
      KAFKA_TLS: 'hunter2',
      KAFKA_SASL_MECHANISM: 'hunter2',
      REDIS_URL: 'hunter2',
      DATABASE_URL: 'http://hunter2',
      INGEST_PORT: '70000',
      HOLDFAST_PORT_BASE: 'hunter2',
    });
    const faults = loaded.ok ? [] : loaded.faults;
    expect(faults.map(({ path }) => path).sort()).toEqual([
      'DATABASE_URL',
      'HOLDFAST_PORT_BASE',
      'INGEST_PORT',
      'KAFKA_BROKERS',
      'KAFKA_SASL_MECHANISM',
      'KAFKA_SASL_PASSWORD_FILE',
      'KAFKA_SASL_USERNAME',
      'KAFKA_TLS',
      'REDIS_URL',
    ]);
    expect(faults.map((fault) => formatFault(fault)).join('\n')).not.toContain('hunter2');
    expect(formatFault(faults.find(({ path }) => path === 'INGEST_PORT')!)).toBe(
      'environment: INGEST_PORT is not a port\n    mend: give a whole number from 0 to 65535',
    );
  });
});
