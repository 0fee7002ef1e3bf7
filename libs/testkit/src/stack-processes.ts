import { serviceNames, type ServiceName } from '../../../tools/stack/addresses.js';
import { nativeStack, type NativeOptions } from '../../../tools/stack/native-stack.js';
import { type HurtableStack, type OwnService } from './stack-service.js';

/** The services as processes of this machine, children of the test. */
export function processStack(settings: NativeOptions): HurtableStack {
  const stack = nativeStack(settings);
  const service = (name: ServiceName): OwnService => {
    const child = stack.services[name]!;
    return {
      name,
      address: stack.addresses[name]!,
      async start() {
        await child.start();
        await child.ready();
      },
      async stop() {
        // A frozen process does not hear the polite signal.
        await child.kill('SIGCONT');
        await child.stop();
      },
      kill: (signal) => child.kill(signal),
    };
  };
  const services = Object.fromEntries(serviceNames.map((name) => [name, service(name)])) as Record<ServiceName, OwnService>;
  return {
    services,
    start: () => stack.start(),
    stop: () => Promise.all(serviceNames.map((name) => services[name].stop())).then(() => undefined),
  };
}
