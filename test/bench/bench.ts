import { machineOf, type Machine } from './machine.js';

/** What a benchmark found: figures and ratios by name, each with its target where the project has set one. */
export type Findings = Readonly<Record<string, unknown>>;

export type Bench = Readonly<{ name: string; about: string; run: (report: (findings: Findings) => void) => Promise<void> }>;

/** Runs the benchmarks one after the other; each line on stdout is one finding, whole by itself. Progress goes to stderr. */
export async function runBenches(benches: readonly Bench[], names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !benches.some((bench) => bench.name === name));
  if (unknown.length > 0) {
    process.stderr.write(
      `no such benchmark: ${unknown.join(', ')}; there are:\n${benches.map(({ name, about }) => `  ${name}  ${about}`).join('\n')}\n`,
    );
    return 2;
  }
  const machine: Machine = machineOf();
  let failed = 0;
  for (const bench of benches.filter(({ name }) => names.length === 0 || names.includes(name))) {
    process.stderr.write(`bench ${bench.name}: ${bench.about}\n`);
    try {
      await bench.run((findings) =>
        process.stdout.write(`${JSON.stringify({ bench: bench.name, ...findings, command: `npm run bench -- ${bench.name}`, machine })}\n`),
      );
    } catch (error) {
      failed += 1;
      process.stderr.write(`bench ${bench.name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    }
  }
  return failed === 0 ? 0 : 1;
}
