import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  checkContract,
  CONTRACT_KINDS,
  currentPath,
  historyPath,
  HttpRegistry,
  registerContract,
  subjectOf,
  type ContractFinding,
  type ContractKind,
} from '#libs/contracts/src/index.js';
import { count, settingsOf, type CliCommand, type ExitCode, type Terminal } from './frame.js';

const REGISTER_EXAMPLES = `
Examples:
  $ npx holdfast schemas register             safe to repeat: what stands already keeps its id
  $ SCHEMA_REGISTRY_URL=https://registry.example npx holdfast schemas register`;
const CHECK_EXAMPLES = `
Examples:
  $ npx holdfast schemas check                against the history in schemas/history/
  $ SCHEMA_REGISTRY_URL=https://registry.example npx holdfast schemas check
                                              against every version that registry has, too
  $ npx holdfast schemas check --record       after a change of schemas/*.avsc: adds it to the history`;

/** `holdfast schemas register|check`: the registry gets what stands in schemas/, and nothing that would break a reader. */
export const schemasCommand: CliCommand = (program, terminal, run) => {
  const schemas = program
    .command('schemas')
    .description('Registers the Avro schemas of our topics, and checks that a change breaks no reader.');
  schemas
    .command('register')
    .description('Registers the schemas and sets their subjects to BACKWARD_TRANSITIVE.')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', REGISTER_EXAMPLES)
    .action(run((options: { json?: boolean }) => register(options, terminal)));
  schemas
    .command('check')
    .description('Checks that the current schemas read every record that may still stand in a topic.')
    .option('--record', 'write a compatible change into schemas/history/')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', CHECK_EXAMPLES)
    .action(run((options: { record?: boolean; json?: boolean }) => check(options, terminal)));
};

async function register({ json }: { json?: boolean }, terminal: Terminal): Promise<ExitCode> {
  const { schemaRegistryUrl } = settingsOf(terminal);
  const registry = new HttpRegistry(schemaRegistryUrl);
  const done = [];
  for (const kind of CONTRACT_KINDS) done.push(await registerContract(kind, registry));
  if (json) terminal.out(`${JSON.stringify(done, null, 2)}\n`);
  else
    for (const { subject, id, isNew } of done)
      terminal.out(`${subject}: ${isNew ? 'registered' : 'stands'} as schema ${id}, BACKWARD_TRANSITIVE\n`);
  return 0;
}

async function check({ record, json }: { record?: boolean; json?: boolean }, terminal: Terminal): Promise<ExitCode> {
  // Only a registry that somebody named: a check of files must not depend on what happens to run here.
  const registry = terminal.env['SCHEMA_REGISTRY_URL'] ? new HttpRegistry(settingsOf(terminal).schemaRegistryUrl) : null;
  const findings: ContractFinding[] = [];
  for (const kind of CONTRACT_KINDS) {
    const finding = await checkContract(kind, registry);
    if (record && finding.isUnrecorded && finding.faults.length === 0) findings.push(recorded(kind, finding));
    else findings.push(finding);
  }
  if (json) terminal.out(`${JSON.stringify(findings, null, 2)}\n`);
  else for (const finding of findings) say(finding, terminal);
  return findings.some(({ faults, isUnrecorded }) => faults.length > 0 || isUnrecorded) ? 1 : 0;
}

function recorded(kind: ContractKind, finding: ContractFinding): ContractFinding {
  const path = historyPath(kind, finding.history + 1);
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(currentPath(kind), path);
  return { ...finding, history: finding.history + 1, isUnrecorded: false };
}

function say({ kind, faults, history, registered, isUnrecorded }: ContractFinding, terminal: Terminal): void {
  const subject = subjectOf(kind);
  const seen = `${count(history, 'version')} in the history${registered === null ? '' : `, ${registered} in the registry`}`;
  for (const fault of faults)
    terminal.err(
      `${subject}: ${fault}\n    mend: give a new field a default, keep or default what readers need, and change no type; schemas/README.md has the rules\n`,
    );
  if (faults.length > 0) return;
  if (isUnrecorded)
    terminal.err(
      `${subject}: schemas/${subject}.avsc has changed (compatibly) and is not in the history\n    mend: npx holdfast schemas check --record, and a line in schemas/CHANGES.md\n`,
    );
  else terminal.out(`${subject}: reads all of ${seen}\n`);
}
