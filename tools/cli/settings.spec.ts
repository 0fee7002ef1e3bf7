// Goal: without addresses the CLI and the apps look where `npm start` puts the embedded services; two rooms must not drift apart.
import { describe, expect, it } from '@jest/globals';
import { loadSettings } from '#libs/config/src/index.js';
import { stackPorts } from '../stack/ports.js';

describe('addresses that nobody gave', () => {
  it.each(['', '20000'])('are those of the embedded services, with HOLDFAST_PORT_BASE %j', (base) => {
    const env = { HOLDFAST_PORT_BASE: base };
    const ports = stackPorts(env);
    const loaded = loadSettings(env);
    if (!loaded.ok) throw new Error('faults');
    const { kafka, redisUrl, schemaRegistryUrl, databaseUrl } = loaded.settings;
    const found = [kafka.brokers[0], redisUrl, schemaRegistryUrl, databaseUrl].map((address) => Number(/:(\d+)(\/|$)/.exec(address!)![1]));
    expect(found).toEqual([ports.kafka, ports.redis, ports.registry, ports.postgres]);
  });
});
