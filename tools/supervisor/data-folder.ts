import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removePidFile, survivor, writePidFile } from '../stack/pid-file.js';
import { StackError } from '../stack/stack-error.js';

/** Stands in the command line, whatever folder it was started from. */
const supervisorProgram = join('tools', 'start.js');

/**
 * Takes the data folder for this process: two supervisors on one folder would end each other's services.
 * @returns a function that gives it back.
 * @throws StackError (exit code 2) when another start holds it.
 */
export async function takeDataFolder(dataFolder: string): Promise<() => Promise<void>> {
  await mkdir(dataFolder, { recursive: true });
  const file = join(dataFolder, 'run', 'supervisor.pid');
  const holder = await survivor(file);
  if (holder !== undefined && holder !== process.pid) {
    throw new StackError(
      `Process ${holder} runs the stack of ${dataFolder} already. Stop it, or set HOLDFAST_DATA (and HOLDFAST_PORT_BASE).`,
      2,
    );
  }
  await writePidFile(file, { pid: process.pid, marker: supervisorProgram });
  return () => removePidFile(file);
}
