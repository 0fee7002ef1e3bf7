import { addressEnvironment, addressVariables, givenAddresses, serviceNames, type ServiceName, type StackAddresses } from './addresses.js';
import { composeStack, isComposeUsable } from './compose-stack.js';
import { nativeStack } from './native-stack.js';
import { requireListener, stackPorts, type StackPorts } from './ports.js';
import { StackError } from './stack-error.js';

export interface LocalStackOptions {
  env: NodeJS.ProcessEnv;
  /** The repository's folder, for docker-compose.yml. */
  root: string;
  dataFolder: string;
  /** Default: INTERFACES' ports, or from HOLDFAST_PORT_BASE upward. */
  ports?: StackPorts;
  say(line: string): void;
  complain(line: string): void;
}

export interface LocalStack {
  addresses: StackAddresses;
  /** The addresses under the names that apps, tests and the CLI read. */
  environment: Record<string, string>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The four services, each from where it is to be had: an address in the environment is used as it is; the others come from Docker when an engine
 * answers, and natively otherwise.
 */
export async function localStack(options: LocalStackOptions): Promise<LocalStack> {
  const given = givenAddresses(options.env);
  const services = serviceNames.filter((name) => !given[name]);
  const shared = { ...options, services, ports: options.ports ?? stackPorts(options.env) };
  const isCompose = services.length > 0 && (await isComposeUsable(options.env));
  const own = isCompose ? composeStack(shared) : nativeStack(shared);
  const addresses = { ...own.addresses, ...given } as StackAddresses;
  return {
    addresses,
    environment: addressEnvironment(addresses),
    async start() {
      await Promise.all(serviceNames.filter((name) => given[name]).map((name) => requireAnswer(name, addresses[name])));
      if (services.length > 0) await own.start();
    },
    async stop() {
      if (services.length > 0) await own.stop();
    },
  };
}

/** A given address that nobody answers on is told now, by the variable's name, and not by four apps in their own words. */
async function requireAnswer(name: ServiceName, address: string): Promise<void> {
  const variable = addressVariables[name];
  const targets = address.split(',').map((part) => hostAndPort(name, part.trim()));
  if (targets.some((target) => !target))
    throw new StackError(`${variable} is not ${name === 'kafka' ? 'a list of HOST:PORT' : 'a URL'}.`, 2);
  const answers = await Promise.allSettled(targets.map((target) => requireListener(target!.host, target!.port, 5_000)));
  if (answers.some(({ status }) => status === 'fulfilled')) return;
  const tried = targets.map((target) => `${target!.host}:${target!.port}`).join(', ');
  throw new StackError(
    `Nothing answers on ${tried}, which ${variable} names. Start it, correct it, or leave ${variable} out to get one started here.`,
  );
}

const defaultPorts: Record<string, number> = {
  'redis:': 6379,
  'rediss:': 6379,
  'http:': 80,
  'https:': 443,
  'postgres:': 5432,
  'postgresql:': 5432,
};

function hostAndPort(name: ServiceName, text: string): { host: string; port: number } | undefined {
  const url = URL.parse(name === 'kafka' ? `kafka://${text}` : text);
  const port = Number(url?.port) || defaultPorts[url?.protocol ?? ''];
  return url?.hostname && port ? { host: url.hostname.replace(/^\[|\]$/g, ''), port } : undefined;
}
