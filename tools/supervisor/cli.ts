import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { StackError } from '../stack/stack-error.js';

const timeoutMs = 120_000;

/**
 * Runs one command of the CLI to its end; what it prints goes to our standard error.
 * @throws StackError with its exit code, so that a wrong configuration is told once, by the command that found it.
 */
export function runCli(root: string, args: readonly string[], env: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'tools/holdfast.mjs'), ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 2, 2],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) return resolve();
      const why = signal ? `did not end within ${timeoutMs / 1_000} s` : `ended with ${code}`;
      reject(new StackError(`holdfast ${args.join(' ')} ${why}; it says above what is wrong.`, code === 2 ? 2 : 1));
    });
  });
}
