import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { checkConfig } from './check-config.js';
import { faultyTransforms } from './check-transforms.js';
import { completeConfig, type CompleteConfig } from './complete-config.js';
import { checkSoundPart } from './check-sound-part.js';
import { configJsonSchema, configSchema } from './config.schema.js';
import type { ConfigFault, LoadedConfig } from './configuration.js';
import { describeIssues, pathText, type RawFault } from './describe-issue.js';
import { mergeSources, type Merged } from './merge-sources.js';
import { missingSecrets } from './missing-secrets.js';
import { notInForce } from './not-in-force.js';
import { overlaid, overlayFileOf } from './overlay-credentials.js';
import { resolveConfig } from './resolve-config.js';
import { readYaml } from './yaml-source.js';

const FILES_MAX = 1_000;
const FILE_MAX_BYTES = 4 * 1024 * 1024;

/** `checkSecrets`: missing secrets and unusable transforms are faults too. An app leaves it out: it opens its own secrets, and others' may not be there. */
export type LoadOptions = Readonly<{ checkSecrets?: boolean; env?: Readonly<Record<string, string | undefined>> }>;

/** What `holdfast check --explain` shows beside the configuration itself: as written, and with every default. */
export type Explained = Readonly<{ written: unknown; complete: CompleteConfig }>;

/**
 * Reads, merges and checks a configuration file, or a folder of them merged by name. Never throws for what stands in
 * them: every fault comes back, with its place and its mend, and no fault shows a value that might be a secret.
 */
export function loadConfig(path: string, options: LoadOptions = {}): LoadedConfig & { explained?: Explained } {
  const read = readFiles(path);
  if ('faults' in read) return { ok: false, faults: read.faults, warnings: [] };
  const parsed = read.files.map((file) => readYaml(file.shown, file.text));
  const broken = parsed.flatMap(({ faults }) => faults);
  if (broken.length > 0) return { ok: false, faults: broken, warnings: [] };
  const env = options.env ?? process.env;
  const base = withEnvironment(mergeSources(parsed.flatMap(({ source }) => source ?? [])), env['HOLDFAST_ENVIRONMENT']);
  const over = readOverlay(base, read.folder);
  if ('fault' in over) return { ok: false, faults: [over.fault], warnings: [] };
  const { merged } = over;
  const { faults, warnings, complete } = judge(merged);
  warnings.push(...over.warnings);
  if (!complete || faults.length > 0) return { ok: false, faults, warnings };
  const config = resolveConfig(complete, read.folder);
  const missing = options.checkSecrets ? missingFiles(complete, read.folder, env) : { faults: [], warnings: [] };
  warnings.push(...missing.warnings.map((raw) => placed(raw, merged)));
  if (missing.faults.length > 0) return { ok: false, faults: inOrder(missing.faults.map((raw) => placed(raw, merged))), warnings };
  return {
    ok: true,
    config,
    warnings: inOrder(warnings),
    files: [...read.files.map((file) => file.path), ...(over.file ? [over.file] : [])],
    explained: { written: merged.value, complete },
  };
}

/** One configuration for all environments: `HOLDFAST_ENVIRONMENT` says which one this is. */
function withEnvironment(merged: Merged, environment: string | undefined): Merged {
  if (!environment || typeof merged.value !== 'object' || merged.value === null) return merged;
  return { ...merged, value: { ...merged.value, environment } };
}

type Overlay = Readonly<{ merged: Merged; warnings: readonly ConfigFault[]; file: string | null }>;

/** The credentials of this environment, over those of the configuration. */
function readOverlay(merged: Merged, folder: string): Overlay | { fault: ConfigFault } {
  const written = (merged.value as { environment?: unknown } | null)?.environment;
  const environment = typeof written === 'string' ? written : 'production';
  const { file, others } = overlayFileOf(folder, environment);
  if (file === null) {
    const missing = {
      ...merged.placeOf(['environment']),
      path: 'environment',
      problem: `has no credentials of its own: credentials/ names ${others.join(', ')} only`,
      mend: `add credentials/${environment}.yaml, or correct the environment`,
    };
    return { merged, warnings: others.length > 0 ? [missing] : [], file };
  }
  const shown = `credentials/${basename(file)}`;
  try {
    if (statSync(file).size > FILE_MAX_BYTES) throw Object.assign(new Error('too large'), { code: 'larger than 4 MiB' });
    const { source, faults } = readYaml(join(dirname(merged.placeOf([]).file), shown), readFileSync(file, 'utf8'));
    if (!source) return { fault: faults[0]! };
    return { merged: overlaid(merged, source), warnings: [], file };
  } catch (error) {
    const problem = `cannot be read (${(error as NodeJS.ErrnoException).code})`;
    return { fault: { file: shown, line: 0, column: 0, path: '', problem, mend: 'let the user that runs Holdfast read it' } };
  }
}

function missingFiles(complete: CompleteConfig, folder: string, env: Readonly<Record<string, string | undefined>>) {
  const { faults, warnings } = missingSecrets(complete, folder, env);
  return { faults: [...faults, ...faultyTransforms(complete, folder)], warnings };
}

function judge(merged: Merged): { faults: ConfigFault[]; warnings: ConfigFault[]; complete: CompleteConfig | null } {
  const value = merged.value ?? {};
  const all = (raw: readonly RawFault[]): ConfigFault[] => raw.map((fault) => placed(fault, merged));
  const result = configSchema.safeParse(value);
  if (!result.success) {
    const raw = describeIssues(result.error.issues, value, configJsonSchema());
    return {
      faults: inOrder([...merged.faults, ...all([...raw, ...checkSoundPart(value, raw)])]),
      warnings: all(notInForce(value)),
      complete: null,
    };
  }
  const complete = completeConfig(result.data);
  const found = checkConfig(complete);
  return {
    faults: inOrder([...merged.faults, ...all(found.faults)]),
    warnings: inOrder(all([...found.warnings, ...notInForce(value)])),
    complete,
  };
}

const placed = ({ path, problem, mend }: RawFault, merged: Merged): ConfigFault => ({
  ...merged.placeOf(path),
  path: pathText(path, merged.value),
  problem,
  mend,
});

const inOrder = (faults: readonly ConfigFault[]): ConfigFault[] =>
  [...faults].sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column || a.path.localeCompare(b.path));

type ReadFile = { path: string; shown: string; text: string };

function readFiles(path: string): { folder: string; files: ReadFile[] } | { faults: ConfigFault[] } {
  const fault = (problem: string, mend: string, file = path) => ({ faults: [{ file, line: 0, column: 0, path: '', problem, mend }] });
  const full = resolve(path);
  const stat = statSync(full, { throwIfNoEntry: false });
  if (!stat) return fault('is not there', 'give the path of the configuration, or set HOLDFAST_CONFIG');
  const names = stat.isDirectory() ? yamlFilesOf(full) : [full];
  if (names.length === 0) return fault('has no .yaml or .yml file in it', 'put the configuration there, or set HOLDFAST_CONFIG');
  if (names.length > FILES_MAX) return fault(`has more than ${FILES_MAX} files`, 'merge some of them');
  const files: ReadFile[] = [];
  for (const name of names) {
    const shown = stat.isDirectory() ? join(path, name.slice(full.length + 1)) : path;
    try {
      if (statSync(name).size > FILE_MAX_BYTES) return fault('is larger than 4 MiB', 'split it into a folder of files', shown);
      files.push({ path: name, shown, text: readFileSync(name, 'utf8') });
    } catch (error) {
      return fault(`cannot be read (${(error as NodeJS.ErrnoException).code})`, 'let the user that runs Holdfast read it', shown);
    }
  }
  return { folder: stat.isDirectory() ? full : dirname(full), files };
}

/** By name, so that the order is the same everywhere; hidden ones and folders are not configuration. */
function yamlFilesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^[^.].*\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false);
}
