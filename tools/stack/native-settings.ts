import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ServiceName } from './addresses.js';
import { BoundedLog } from './bounded-log.js';
import { type ChildCommand, type ChildSpec } from './child.js';
import { type StackPorts } from './ports.js';
import { probeService } from './probes.js';

export interface NativeSettings {
  /** Absolute. Each service has a folder of its own in it; `logs` and `run` lie beside them. */
  dataFolder: string;
  ports: StackPorts;
  /** Takes one line of progress. */
  say(line: string): void;
}

/** What all services have in common. */
export function commonSpec(
  name: ServiceName,
  { dataFolder, ports }: NativeSettings,
): Pick<ChildSpec, 'name' | 'pidFile' | 'marker' | 'probe' | 'output'> {
  const log = new BoundedLog(join(dataFolder, 'logs', `${name}.log`));
  return {
    name,
    pidFile: join(dataFolder, 'run', `${name}.pid`),
    marker: join(dataFolder, name),
    probe: () => probeService(name, ports[name]),
    output: (chunk) => log.write(chunk),
  };
}

const run = promisify(execFile);

/** Runs a command to its end, with a bound. @throws Error with what it printed. */
export async function runToEnd({ file, args, env, cwd }: ChildCommand): Promise<string> {
  const { stdout } = await run(file, args, { cwd, env: { ...process.env, ...env }, timeout: 60_000, killSignal: 'SIGKILL' });
  return stdout;
}
