#!/usr/bin/env node
// `npm test` and `npm run check`: runs the named steps one after the other, all of them also when one fails, and ends with one line that a machine can read:
// `N passed, N failed`. Those are jest's tests; a step that is no test, or that could not run, counts as one failure when it fails.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'node_modules', name);
const node = process.execPath;
const rooms = ['apps', 'libs', 'tools', 'test'];
const reports = mkdtempSync(join(tmpdir(), 'holdfast-test-'));

const steps = {
  format: [node, bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'],
  lint: [node, bin('eslint/bin/eslint.js'), '--max-warnings', '0', '.'],
  boundaries: [node, bin('dependency-cruiser/bin/dependency-cruise.mjs'), '--config', 'dependency-cruiser.cjs', '--log-level', 'error', ...rooms],
  types: [node, bin('typescript-7/bin/tsc'), '--noEmit', '-p', 'tsconfig.json'],
  schemas: [node, join(root, 'tools/holdfast.mjs'), 'schemas', 'check'],
  unit: [node, join(root, 'tools/jest.mjs'), 'unit'],
  int: [node, join(root, 'tools/jest.mjs'), 'int'],
  e2e: [node, join(root, 'tools/jest.mjs'), 'e2e'],
};
const tiers = ['unit', 'int', 'e2e'];
const lists = {
  check: ['format', 'lint', 'boundaries', 'types', 'unit'],
  all: ['format', 'lint', 'boundaries', 'types', 'unit', 'services'],
  // Run by `services`, inside one stack for both tiers.
  services: ['int', 'e2e'],
};
