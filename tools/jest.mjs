#!/usr/bin/env node
// Runs jest on the compiled ES modules: `node tools/jest.mjs unit|int|e2e|faults [jest arguments]`.
// What is tested is what is shipped; the name of a file is its tier (STYLE: .spec, .int.spec, .e2e.spec, .fault.spec).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [tier, ...rest] = process.argv.slice(2);
if (!['unit', 'int', 'e2e', 'faults'].includes(tier)) {
  console.error('usage: node tools/jest.mjs unit|int|e2e|faults [jest arguments]');
  process.exit(2);
}
// The npm package `node` brings Node 24 where the system's is older.
const bundled = `${root}node_modules/node/bin/node`;
const node = existsSync(bundled) ? bundled : process.execPath;
const args = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  '--disable-warning=TimeoutNegativeWarning',
  `${root}node_modules/jest/bin/jest.js`,
  '--config',
  `${root}jest.config.mjs`,
  ...rest,
];
const { status } = spawnSync(node, args, { stdio: 'inherit', cwd: root, env: { ...process.env, HOLDFAST_TEST_TIER: tier } });
process.exit(status ?? 1);
