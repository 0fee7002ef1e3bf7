import { createServer, connect } from 'node:net';
import { type ServiceName } from './addresses.js';
import { StackError } from './stack-error.js';

/** A port for each service, and one more for Kafka's own controller. */
export type StackPorts = Record<ServiceName | 'kafkaController', number>;

const defaults: StackPorts = { kafka: 9092, redis: 6379, registry: 8085, postgres: 5432, kafkaController: 9093 };
const offsets: StackPorts = { kafka: 0, redis: 1, registry: 2, postgres: 3, kafkaController: 4 };
const portMax = 65_535;

/** Reads a port from the environment. @throws StackError (exit code 2) when it is not a port. */
export function portFrom(env: NodeJS.ProcessEnv, variable: string, fallback: number): number {
  const text = env[variable];
  if (!text) return fallback;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > portMax) {
    throw new StackError(`${variable}=${text} is not a port: give a whole number from 1 to ${portMax}.`, 2);
  }
  return port;
}

/** The fixed defaults, or `HOLDFAST_PORT_BASE` plus the service's offset: Kafka 0, Redis 1, registry 2, Postgres 3, Kafka's controller 4. */
export function stackPorts(env: NodeJS.ProcessEnv): StackPorts {
  if (!env['HOLDFAST_PORT_BASE']) return defaults;
  const base = portFrom(env, 'HOLDFAST_PORT_BASE', 0);
  if (base + offsets.kafkaController > portMax) throw new StackError(`HOLDFAST_PORT_BASE=${base} leaves no room for five ports.`, 2);
  return Object.fromEntries(Object.entries(offsets).map(([name, offset]) => [name, base + offset])) as StackPorts;
}

export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** How a port that an environment variable gives is changed. */
export const anotherPort = (variable: string): string => `set ${variable} to another port`;

/** @throws StackError that names the port, its use and what changes it. */
export async function requireFreePort(port: number, use: string, mend: string): Promise<void> {
  if (await isPortFree(port)) return;
  throw new StackError(`Port ${port} for ${use} is in use. End the program that holds it, or ${mend}.`, 2);
}

/** Resolves as soon as something accepts a connection. @throws the connection's error, also after `timeoutMs`. */
export function requireListener(host: string, port: number, timeoutMs = 1_000): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer from ${host}:${port}`)));
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

/**
 * Free ports below the range from which Linux takes the ports of outgoing connections: a service that is killed and started again in a test must not
 * find its own port taken by somebody's client.
 */
export async function freePorts(count: number): Promise<number[]> {
  const [first, last, attemptsMax] = [20_000, 32_000, 500];
  const found = new Set<number>();
  for (let attempt = 0; attempt < attemptsMax && found.size < count; attempt++) {
    const port = first + Math.floor(Math.random() * (last - first));
    if (await isPortFree(port)) found.add(port);
  }
  if (found.size < count) throw new StackError(`No ${count} free ports found between ${first} and ${last}.`);
  return [...found];
}

export async function freeStackPorts(): Promise<StackPorts> {
  const ports = await freePorts(5);
  return Object.fromEntries(Object.entries(offsets).map(([name, offset]) => [name, ports[offset]])) as StackPorts;
}
