import { existsSync } from 'node:fs';
import { chown, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ChildCommand, type ChildSpec } from './child.js';
import { commonSpec, runToEnd, type NativeSettings } from './native-settings.js';
import { postgresProgram } from './programs.js';

/** `nobody`: Postgres refuses to run as root, so as root it runs as this user, who then owns the data folder. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

/**
 * Only this machine can connect (it listens on the loopback address alone), and no password is asked: what stands in it is made by this machine's own
 * events, and a password would have to be printed in the URL.
 */
export function postgresSpec(settings: NativeSettings): ChildSpec {
  const folder = join(settings.dataFolder, 'postgres');
  const data = join(folder, 'data');
  const port = settings.ports.postgres;
  const program = async (name: string, args: string[]): Promise<ChildCommand> =>
    asOrdinaryUser(
      { file: join(await postgresProgram(settings.say), 'bin', name), args, cwd: folder, env: { TZ: 'UTC', LC_ALL: 'C' } },
      folder,
    );
  return {
    ...commonSpec('postgres', settings),
    // The "fast" shutdown: ends sessions instead of waiting for them.
    stopSignal: 'SIGINT',
    stopMaxMs: 15_000,
    readyMaxMs: 60_000,
    async prepare() {
      await mkdir(folder, { recursive: true });
      if (isRoot) await chown(folder, nobody, nobody);
      if (existsSync(join(data, 'holdfast.ready'))) return;
      // What an interrupted initdb left cannot be used.
      await rm(data, { recursive: true, force: true });
      await runToEnd(
        await program('initdb', ['-D', data, '-U', 'holdfast', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-instructions']),
      );
      await mkdir(join(data, 'holdfast.ready'));
      if (isRoot) await chown(join(data, 'holdfast.ready'), nobody, nobody);
    },
    command: () =>
      program('postgres', [
        ...['-D', data, '-p', String(port), '-h', '127.0.0.1'],
        ...['-c', 'unix_socket_directories=', '-c', 'max_connections=200', '-c', 'shared_buffers=64MB'],
      ]),
  };
}

/**
 * The command as it is, or as root: the same as `nobody`. Where `nobody` may not enter a folder on the way (a home directory, for example), `setpriv`
 * also leaves it the one capability that passing such folders needs. (The secure bit is for access(2), which otherwise asks without capabilities.)
 */
async function asOrdinaryUser(command: ChildCommand, dataFolder: string): Promise<ChildCommand> {
  if (!isRoot) return command;
  const isReachable = (await isOpenToAll(command.file)) && (await isOpenToAll(dataFolder));
  const capabilities = isReachable
    ? []
    : ['--securebits=+no_setuid_fixup', '--inh-caps=-all,+dac_override', '--ambient-caps=-all,+dac_override'];
  const ids = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
  return { ...command, file: 'setpriv', args: [...ids, ...capabilities, command.file, ...command.args] };
}

/** Whether every folder above a path may be entered by any user. */
async function isOpenToAll(path: string): Promise<boolean> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode } = await stat(folder);
    if ((mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
