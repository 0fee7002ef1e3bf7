import { type ServiceName, type StackAddresses, localAddress, serviceNames } from './addresses.js';
import { Child, endSurvivor } from './child.js';
import { KeptAlive } from './kept-alive.js';
import { type NativeSettings } from './native-settings.js';
import { nativeSpec } from './native-services.js';
import { anotherPort, requireFreePort } from './ports.js';

/** Services that run as children of this process. */
export interface NativeStack {
  addresses: Partial<StackAddresses>;
  services: Partial<Record<ServiceName, Child>>;
  /** Starts all side by side and resolves when all are ready. @throws the first trouble; what was started runs on until `stop`. */
  start(): Promise<void>;
  /** May come at any time, also during the start. */
  stop(): Promise<void>;
}

export interface NativeOptions extends NativeSettings {
  services?: readonly ServiceName[];
  /** When given, a service that ends is started again, and this is told. Without it a service that ends stays ended. */
  complain?(line: string): void;
}

export function nativeStack(options: NativeOptions): NativeStack {
  const names = options.services ?? serviceNames;
  const children = names.map((name) => [name, new Child(nativeSpec(name, options))] as const);
  const keepers = new Map<Child, KeptAlive>();
  const startOne = async (child: Child): Promise<void> => {
    const startedAtMs = performance.now();
    await child.start();
    await child.ready();
    options.say(`started ${child.name} in ${((performance.now() - startedAtMs) / 1_000).toFixed(1)} s`);
    if (options.complain) keepers.set(child, new KeptAlive(child, options.complain));
  };
  return {
    addresses: Object.fromEntries(names.map((name) => [name, localAddress(name, options.ports[name])])),
    services: Object.fromEntries(children),
    async start() {
      await Promise.all(children.map(([, child]) => endSurvivor(child.spec)));
      for (const [use, port] of portsOf(names, options)) await requireFreePort(port, use, anotherPort('HOLDFAST_PORT_BASE'));
      await settled(children.map(([, child]) => startOne(child)));
    },
    async stop() {
      await Promise.all(children.map(([, child]) => (keepers.get(child) ?? child).stop()));
    },
  };
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
