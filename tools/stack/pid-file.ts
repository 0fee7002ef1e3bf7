import { readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is written down about a child, so that the next start can end it when this one could not. */
export interface PidRecord {
  pid: number;
  /** Stands in the process's command line: a process that merely got the same number later does not have it. */
  marker: string;
}

export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The command line of a running process, arguments separated by spaces; empty when there is none (a zombie has none either). */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}

export async function writePidFile(path: string, record: PidRecord): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify(record));
}

export async function removePidFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** The process of a pid file, if it still runs and is still the one that was meant. */
export async function survivor(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const record = parsed(text);
  if (!record || !isProcessAlive(record.pid) || !commandLine(record.pid).includes(record.marker)) return undefined;
  return record.pid;
}

/** Ends a process group and waits until its leader is gone. Returns false when it is still there after `waitMaxMs`. */
export async function endProcessGroup(pid: number, signal: NodeJS.Signals, waitMaxMs: number): Promise<boolean> {
  signalGroup(pid, signal);
  for (const deadline = performance.now() + waitMaxMs; performance.now() < deadline; await sleep(50)) {
    if (!isProcessAlive(pid) || commandLine(pid) === '') return true;
  }
  return false;
}

export function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already, which is what was wanted.
  }
}

function parsed(text: string): PidRecord | undefined {
  try {
    const value = JSON.parse(text) as Partial<PidRecord>;
    return typeof value.pid === 'number' && value.pid > 1 && value.marker ? { pid: value.pid, marker: value.marker } : undefined;
  } catch {
    return undefined;
  }
}
