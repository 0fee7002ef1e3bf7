import { type ServiceName, type StackAddresses, localAddress, serviceNames } from './addresses.js';
import { Child, endSurvivor } from './child.js';
import { KeptAlive } from './kept-alive.js';
import { type NativeSettings } from './native-common.js';
import { nativeSpec } from './native-services.js';
import { requireFreePort } from './ports.js';

/** Services that run as children of this process. */
export interface NativeStack {
  addresses: Partial<StackAddresses>;
  services: Partial<Record<ServiceName, Child>>;
  stop(): Promise<void>;
}

export interface NativeOptions extends NativeSettings {
  services?: readonly ServiceName[];
  /** When given, a service that ends is started again, and this is told. Without it a service that ends stays ended. */
  complain?(line: string): void;
  /** The variable to name when a port is taken. */
  portVariable?: string;
}

/** Starts the services side by side and resolves when all are ready. @throws after everything that was started has been ended again. */
export async function startNativeStack(options: NativeOptions): Promise<NativeStack> {
  const names = options.services ?? serviceNames;
  const children = names.map((name) => [name, new Child(nativeSpec(name, options))] as const);
  await Promise.all(children.map(([, child]) => endSurvivor(child.spec)));
  for (const [use, port] of portsOf(names, options)) await requireFreePort(port, use, options.portVariable ?? 'HOLDFAST_PORT_BASE');
  const kept = children.map(([, child]) => ({ child, keeper: undefined as KeptAlive | undefined }));
  const stop = async (): Promise<void> => {
    await Promise.all(kept.map(({ child, keeper }) => (keeper ?? child).stop()));
  };
  try {
    await settled(
      kept.map(async (entry) => {
        await entry.child.start();
        await entry.child.ready();
        options.say(`${entry.child.name} is up`);
        if (options.complain) entry.keeper = new KeptAlive(entry.child, options.complain);
      }),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  const addresses = Object.fromEntries(names.map((name) => [name, localAddress(name, options.ports[name])]));
  return { addresses, services: Object.fromEntries(children), stop };
}

function portsOf(names: readonly ServiceName[], { ports }: NativeSettings): [use: string, port: number][] {
  const uses = names.map((name): [string, number] => [name, ports[name]]);
  return names.includes('kafka') ? [...uses, ["kafka's controller", ports.kafkaController]] : uses;
}

/** Waits for all, then throws the first error: nothing is still starting when the caller begins to end things. */
async function settled(promises: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
