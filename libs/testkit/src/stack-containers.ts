import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DockerComposeEnvironment, type StartedDockerComposeEnvironment } from 'testcontainers';
import { localAddress, serviceNames, type ServiceName } from '../../../tools/stack/addresses.js';
import { portVariables, untilReady } from '../../../tools/stack/compose-stack.js';
import { type StackPorts } from '../../../tools/stack/ports.js';
import { type HurtableStack, type OwnService } from './stack-service.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../..', import.meta.url));

/**
 * The services of docker-compose.yml for one test run. Testcontainers starts them, because its own reaper removes containers and volumes also when the
 * test run is killed.
 */
export function containerStack({ dataFolder, ports }: { dataFolder: string; ports: StackPorts }): HurtableStack {
  const project = basename(dataFolder).toLowerCase();
  const compose = (...args: string[]): Promise<unknown> =>
    run('docker', ['compose', '-p', project, ...args], { cwd: root, timeout: 120_000 });
  let environment: StartedDockerComposeEnvironment | undefined;
  const service = (name: ServiceName): OwnService => ({
    name,
    address: localAddress(name, ports[name]),
    async start() {
      await compose('start', name);
      await untilReady(name, ports[name]);
    },
    stop: () => compose('stop', name).then(() => undefined),
    kill: (signal = 'SIGKILL') => compose('kill', '--signal', signal, name).then(() => undefined),
  });
  return {
    services: Object.fromEntries(serviceNames.map((name) => [name, service(name)])) as Record<ServiceName, OwnService>,
    async start() {
      const definition = new DockerComposeEnvironment(root, 'docker-compose.yml').withProjectName(project);
      environment = await definition.withEnvironment(portVariables(ports)).up();
      await Promise.all(serviceNames.map((name) => untilReady(name, ports[name])));
    },
    stop: () => environment?.down({ removeVolumes: true }).then(() => undefined) ?? Promise.resolve(),
  };
}
