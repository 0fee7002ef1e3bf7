import { connect } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { type ServiceName } from './addresses.js';

const timeoutMs = 2_000;

/** Resolves when the broker answers as the cluster's controller, so topics can be made. */
async function probeKafka(broker: string): Promise<void> {
  const kafka = new Kafka({
    brokers: [broker],
    logLevel: logLevel.NOTHING,
    connectionTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { controller, brokers } = await admin.describeCluster();
    if (controller === null || controller < 0 || brokers.length === 0) throw new Error('no controller yet');
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** Resolves when Redis answers PING; while it loads its data it answers with an error. */
function probeRedis(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer to PING')));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      socket.destroy();
      const answer = data.toString('latin1');
      if (answer.startsWith('+PONG')) resolve();
      else reject(new Error(answer.trim()));
    });
    socket.once('error', reject);
  });
}

async function probeRegistry(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/apis/ccompat/v7/subjects`, { signal: AbortSignal.timeout(timeoutMs) });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the registry answers ${response.status}`);
}

/** Resolves when Postgres takes statements; makes the database `holdfast` when it is not there. */
async function probePostgres(port: number): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'holdfast', database: 'postgres', connectionTimeoutMillis: timeoutMs });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = 'holdfast'");
    if (rowCount === 0) await client.query('CREATE DATABASE holdfast');
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Resolves when the service on a port of this machine can do its work. */
export function probeService(name: ServiceName, port: number): Promise<void> {
  switch (name) {
    case 'kafka':
      return probeKafka(`127.0.0.1:${port}`);
    case 'redis':
      return probeRedis(port);
    case 'registry':
      return probeRegistry(port);
    case 'postgres':
      return probePostgres(port);
  }
}
