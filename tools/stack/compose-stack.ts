import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { localAddress, serviceNames, type ServiceName, type StackAddresses } from './addresses.js';
import { type StackPorts } from './ports.js';
import { probeService } from './probes.js';
import { StackError } from './stack-error.js';

const run = promisify(execFile);
const upMaxMs = 15 * 60_000;
const readyMaxMs = 120_000;

export interface ComposeOptions {
  /** The folder of docker-compose.yml. */
  root: string;
  dataFolder: string;
  ports: StackPorts;
  services?: readonly ServiceName[];
  say(line: string): void;
}

/** Whether a Docker engine answers and has compose. `HOLDFAST_STACK=native` says no without asking. */
export async function isComposeUsable(env: NodeJS.ProcessEnv): Promise<boolean> {
  if (env['HOLDFAST_STACK'] === 'native') return false;
  try {
    await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 });
    await run('docker', ['compose', 'version'], { timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

/**
 * The same four services from docker-compose.yml. The engine starts a container again when it dies; the volumes belong to the data folder, whose file
 * `compose-project` names them.
 */
export function composeStack(options: ComposeOptions): {
  addresses: Partial<StackAddresses>;
  start(): Promise<void>;
  stop(): Promise<void>;
} {
  const names = options.services ?? serviceNames;
  const compose = (...args: string[]): Promise<unknown> =>
    run('docker', ['compose', '-p', projectName(options.dataFolder), '-f', join(options.root, 'docker-compose.yml'), ...args], {
      env: { ...process.env, ...portVariables(options.ports) },
      timeout: upMaxMs,
      maxBuffer: 16 * 1024 * 1024,
    });
  return {
    addresses: Object.fromEntries(names.map((name) => [name, localAddress(name, options.ports[name])])),
    async start() {
      options.say('starting the services with docker compose (the first time it loads their images)');
      await compose('up', '--detach', '--no-deps', ...names).catch((error: Error) => {
        throw new StackError(explained(error.message));
      });
      await Promise.all(names.map((name) => untilReady(name, options.ports[name])));
    },
    async stop() {
      await compose('down', '--remove-orphans');
    },
  };
}

export async function untilReady(name: ServiceName, port: number): Promise<void> {
  let last: unknown;
  for (const deadline = performance.now() + readyMaxMs; performance.now() < deadline; await sleep(250)) {
    try {
      return await probeService(name, port);
    } catch (error) {
      last = error;
    }
  }
  throw new StackError(`${name} was not ready after ${readyMaxMs / 1_000} s (${String(last)}). Look into: docker compose logs ${name}`);
}

function explained(message: string): string {
  const isPortTaken = /port is already allocated|address already in use/.test(message);
  return isPortTaken ? `${message}\nSet HOLDFAST_PORT_BASE to other ports.` : `docker compose failed: ${message}`;
}

export function portVariables(ports: StackPorts): Record<string, string> {
  return Object.fromEntries(serviceNames.map((name) => [`HOLDFAST_${name.toUpperCase()}_PORT`, String(ports[name])]));
}

function projectName(dataFolder: string): string {
  const file = join(dataFolder, 'compose-project');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    const name = `holdfast-${randomBytes(4).toString('hex')}`;
    mkdirSync(dataFolder, { recursive: true });
    writeFileSync(file, `${name}\n`);
    return name;
  }
}
