/** `npm start`, and with --watch `npm run dev`: see tools/supervisor/supervisor.ts for what it does, and INTERFACES for what it prints. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StackError } from './stack/stack-error.js';
import { processOutput } from './supervisor/output.js';
import { Supervisor } from './supervisor/supervisor.js';
import { watchSources } from './supervisor/watch.js';

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const tell = (line: string): void => void process.stderr.write(`${line}\n`);
const root = fileURLToPath(new URL('../..', import.meta.url));
const supervisor = new Supervisor({
  root,
  dataFolder: resolve(process.env['HOLDFAST_DATA'] || '.holdfast'),
  env: process.env,
  output: processOutput(),
  print,
  say: tell,
  complain: tell,
});

/** A terminal's Ctrl-C reaches this process twice, from the terminal and from npm, which passes on what it gets: one press, not two. */
const echoMaxMs = 1_500;
let exitCode: number | undefined;
let endingSinceMs = 0;

async function end(code: number, why: string): Promise<void> {
  if (exitCode !== undefined) {
    if (performance.now() - endingSinceMs < echoMaxMs) return;
    tell('ending at once');
    // The reaper ends whatever still runs.
    process.exit(1);
  }
  exitCode = code;
  endingSinceMs = performance.now();
  tell(why);
  await supervisor.stop().catch((error: unknown) => {
    tell(`the end was not clean: ${String(error)}`);
    exitCode = 1;
  });
  process.exit(exitCode);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void end(0, 'stopping: apps first, then the services'));
}

// npm that is killed cannot pass the signal on; without its parent this process ends as if it had been told to.
const parent = process.ppid;
if (process.env['npm_lifecycle_event']) {
  setInterval(() => {
    if (process.ppid !== parent && exitCode === undefined) void end(0, 'npm is gone: stopping');
  }, 1_000).unref();
}

async function main(): Promise<void> {
  try {
    await supervisor.start();
    if (process.argv.includes('--watch')) watchSources(root, () => supervisor.restartApps(), tell);
  } catch (error) {
    // A stop during the start makes the start fail; that is no news.
    if (exitCode !== undefined) return;
    if (error instanceof StackError) await end(error.exitCode, error.message);
    else await end(1, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

void main();
