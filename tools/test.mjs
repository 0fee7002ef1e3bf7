#!/usr/bin/env node
// `npm test` (all) and `npm run check`: runs its steps, all of them also when one fails, and ends with one line that a machine can
// read: `N passed, N failed`. Those are jest's tests; a step that is no test, or that could not run, counts as one failure when it fails.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = process.execPath;
const inRoot = (path) => join(root, path);
const reports = process.env.HOLDFAST_TEST_REPORTS ?? mkdtempSync(join(tmpdir(), 'holdfast-test-'));
const reportOf = (tier) => join(reports, `${tier}.json`);
const jest = (tier) => [inRoot('tools/jest.mjs'), tier, '--passWithNoTests', '--json', `--outputFile=${reportOf(tier)}`];

/** Steps that only read sources. */
const statics = {
  format: [inRoot('node_modules/prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'],
  lint: [inRoot('node_modules/eslint/bin/eslint.js'), '--max-warnings', '0', '.'],
  boundaries: [
    inRoot('node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
    '--config',
    'dependency-cruiser.cjs',
    '--output-type',
    'err-long',
    'apps',
    'libs',
    'tools',
    'test',
  ],
  types: [inRoot('node_modules/typescript-7/bin/tsc'), '--noEmit', '-p', 'tsconfig.json'],
};
const steps = {
  ...statics,
  schemas: [inRoot('tools/holdfast.mjs'), 'schemas', 'check'],
  unit: jest('unit'),
  int: jest('int'),
  e2e: jest('e2e'),
  // One stack for both tiers; this very program runs them inside it.
  services: [inRoot('dist/tools/with-stack.js'), node, inRoot('tools/test.mjs'), 'inside'],
};
const lists = {
  check: ['lint', 'format', 'boundaries', 'types', 'unit'],
  all: ['lint', 'format', 'boundaries', 'types', 'schemas', 'unit', 'services'],
  inside: ['int', 'e2e'],
};

// Of each simulated pipeline: 10,000 seeds together in `npm test`, enough to notice a slip in `npm run check`.
const seeds = { check: '800', all: '5000' };

const names = lists[process.argv[2]];
if (!names) {
  console.error('usage: node tools/test.mjs check|all');
  process.exit(2);
}
const failed = [];
const isStatic = (name) => name in statics;
// What reads only sources goes side by side, at most one a core; what runs code goes alone.
const queue = names.filter(isStatic);
await Promise.all(Array.from({ length: availableParallelism() }, () => work(queue)));
await work(names.filter((name) => !isStatic(name)));
if (process.argv[2] !== 'inside') conclude();
process.exitCode = failed.length === 0 ? 0 : 1;

function conclude() {
  const tiers = names
    .flatMap((name) => (name === 'services' ? lists.inside : [name]))
    .filter((name) => ['unit', ...lists.inside].includes(name));
  let [passedCount, failedCount] = [0, 0];
  for (const tier of tiers) {
    if (!existsSync(reportOf(tier))) {
      failedCount++;
      continue;
    }
    const report = JSON.parse(readFileSync(reportOf(tier), 'utf8'));
    passedCount += report.numPassedTests;
    // A file that cannot even be loaded has no tests to fail.
    failedCount += report.numFailedTests + report.numRuntimeErrorTestSuites;
  }
  const noTests = failed.filter((name) => !tiers.includes(name) && name !== 'services');
  failedCount += noTests.length;
  rmSync(reports, { recursive: true, force: true });
  if (failed.length > 0 && failedCount === 0) failedCount = failed.length;
  if (failed.length > 0) console.log(`\nfailed: ${failed.join(', ')}`);
  console.log(`${passedCount} passed, ${failedCount} failed`);
}

async function work(queue) {
  for (let name = queue.shift(); name; name = queue.shift()) {
    const startedAtMs = performance.now();
    // `services` only frames other steps, which speak for themselves.
    const isFrame = name === 'services';
    if (!isStatic(name) && !isFrame) console.log(`\n== ${name}`);
    const { code, output } = await run(steps[name], isStatic(name));
    const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
    if (!isFrame) console.log(`${output}== ${name}: ${code === 0 ? 'fine' : 'FAILED'} (${seconds} s)`);
    if (code !== 0) failed.push(name);
  }
}

/** The exit code, and what was printed when it is held back so that two steps do not talk at once. */
function run(args, isHeldBack) {
  const stdio = isHeldBack ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'];
  const child = spawn(node, args, {
    cwd: root,
    stdio,
    env: { HOLDFAST_SEEDS: seeds[process.argv[2]], ...process.env, HOLDFAST_TEST_REPORTS: reports },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: 1, output: `${error}\n` }));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
