#!/usr/bin/env node
// `npx holdfast …`: runs dist/tools/cli/main.js on the Node that npm brought (24), building it first when it is not there.
// Built-ins only; the system's own Node may be older than what the CLI needs.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const main = join(root, 'dist/tools/cli/main.js');
const bundled = join(root, 'node_modules/node/bin/node');
const node = existsSync(bundled) ? bundled : process.execPath;
const isOldNode = Number(process.versions.node.split('.')[0]) < 24 && existsSync(bundled);

if (!existsSync(main)) {
  if (!existsSync(join(root, 'node_modules'))) {
    console.error('holdfast is not installed yet; run: npm ci');
    process.exit(1);
  }
  const { status } = spawnSync(node, [join(root, 'tools/build.mjs')], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

if (!isOldNode) {
  // kafkajs computes a timeout below zero now and then (harmless); nobody who runs a command can do anything about it.
  const { emitWarning } = process;
  process.emitWarning = (warning, ...rest) => {
    if (rest[0] !== 'TimeoutNegativeWarning') emitWarning.call(process, warning, ...rest);
  };
  await import(pathToFileURL(main).href);
} else {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}
