import { spawn } from 'node:child_process';
import { type Writable } from 'node:stream';

/**
 * Ends every child's process group when this process is gone, however it went: a shell of a few hundred kilobytes waits on a pipe that the kernel
 * closes with us. So a supervisor or a test run that is killed with -9 leaves no broker behind. (The pid files are the second net: they serve when the
 * shell was killed as well.)
 */
const script = `trap '' INT TERM HUP
pids=
while read -r op pid; do
  kept=
  for p in $pids; do [ "$p" = "$pid" ] || kept="$kept $p"; done
  pids=$kept
  [ "$op" = + ] && pids="$pids $pid"
done
for p in $pids; do kill -9 -"$p" 2>/dev/null; done`;

let pipe: Writable | undefined;

/** Puts a process group under the reaper. Call it right after the spawn. */
export function watch(pid: number): void {
  pipe ??= startReaper();
  pipe.write(`+ ${pid}\n`);
}

/** The child has ended; its number may soon belong to somebody else. */
export function unwatch(pid: number): void {
  pipe?.write(`- ${pid}\n`);
}

function startReaper(): Writable {
  const shell = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  // Neither the shell nor its pipe keeps this process from ending; their end is what the shell waits for.
  shell.unref();
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  (shell.stdin as unknown as { unref(): void }).unref();
  return shell.stdin;
}
