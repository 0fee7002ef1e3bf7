/**
 * Runs a command with the four services' addresses in its environment: `node dist/tools/with-stack.js COMMAND [ARGUMENTS]`. When all addresses are
 * given they are used; otherwise a stack is started for this run alone, on free ports and in a temporary folder, and deleted afterwards. The exit code is
 * the command's.
 */
import { spawn } from 'node:child_process';
import { startOwnStack } from '../libs/testkit/src/stack.js';
import { addressVariables, givenAddresses, serviceNames } from './stack/addresses.js';
import { StackError } from './stack/stack-error.js';

const [file, ...args] = process.argv.slice(2);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

function run(command: string, environment: Record<string, string>): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  // A Ctrl-C reaches the command as well; it ends first, and then the stack does.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

async function main(command: string): Promise<number> {
  const given = Object.keys(givenAddresses(process.env));
  if (given.length === serviceNames.length) return run(command, {});
  if (given.length > 0) {
    const variables = Object.values(addressVariables).join(', ');
    throw new StackError(`Give all of ${variables}, or none: tests need services that belong together.`, 2);
  }
  const stack = await startOwnStack(say);
  try {
    return await run(command, stack.environment);
  } finally {
    await stack.stop();
  }
}

if (!file) {
  say('usage: node dist/tools/with-stack.js COMMAND [ARGUMENTS]');
  process.exit(2);
}
try {
  process.exitCode = await main(file);
} catch (error) {
  say(error instanceof StackError ? error.message : String(error));
  process.exitCode = error instanceof StackError ? error.exitCode : 1;
}
