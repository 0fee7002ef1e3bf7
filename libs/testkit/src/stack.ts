import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressEnvironment, serviceNames, type ServiceName, type StackAddresses } from '../../../tools/stack/addresses.js';
import { isComposeUsable } from '../../../tools/stack/compose-stack.js';
import { freeStackPorts } from '../../../tools/stack/ports.js';
import { containerStack } from './stack-containers.js';
import { processStack } from './stack-processes.js';
import { type OwnService } from './stack-service.js';

export type { OwnService } from './stack-service.js';

export interface OwnStack extends Record<ServiceName, OwnService> {
  addresses: StackAddresses;
  /** Where the data and `logs/<service>.log` lie. */
  folder: string;
  /** KAFKA_BROKERS and so on, for the environment of apps that the test starts. */
  environment: Record<string, string>;
  /** Ends all and deletes their data. */
  stop(): Promise<void>;
}

/**
 * Real services for one test alone, on free ports and in a temporary folder: containers where an engine answers, processes otherwise. They end with
 * this process, however it ends.
 */
export async function startOwnStack(say: (line: string) => void = () => undefined): Promise<OwnStack> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-stack-'));
  // Postgres runs as another user when this is root.
  await chmod(folder, 0o755);
  const settings = { dataFolder: folder, ports: await freeStackPorts(), say };
  const stack = (await isComposeUsable(process.env)) ? containerStack(settings) : processStack(settings);
  const stop = async (): Promise<void> => {
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await stack.start();
  } catch (error) {
    await stop();
    throw error;
  }
  const addresses = Object.fromEntries(serviceNames.map((name) => [name, stack.services[name].address])) as StackAddresses;
  return { ...stack.services, addresses, folder, environment: addressEnvironment(addresses), stop };
}
