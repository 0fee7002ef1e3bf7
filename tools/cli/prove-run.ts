import { EvidenceReader, lossesIn, type EvidencePorts, type EvidenceQuery, type ScanProgress } from '#libs/ledger/src/index.js';
import { proofText } from './prove-text.js';

export type ProveChoices = EvidenceQuery & Readonly<{ isJson: boolean }>;
export type ProveOutput = Readonly<{ out(text: string): void; progress(text: string): void }>;

/** A scan shorter than this tells nothing of its progress. */
const QUIET_RECORDS = 50_000;
const PROGRESS_MS = 1_000;

/**
 * `holdfast prove`, without its wiring.
 *
 * Exit code   0 found · 1 not found, lost, or facts that contradict each other (2, wrong use, is the caller's)
 */
export async function runProve(choices: ProveChoices, ports: Omit<EvidencePorts, 'onProgress'>, output: ProveOutput): Promise<0 | 1> {
  const onProgress = progressTeller(output);
  const proof = await new EvidenceReader({ ...ports, onProgress }).prove(choices);
  const losses = lossesIn(proof.histories);
  const isFound = proof.histories.length > 0;
  if (choices.isJson) output.out(`${JSON.stringify({ query: choices.id, found: isFound, losses, ...proof }, null, 2)}\n`);
  else output.out(isFound ? proofText(proof) : notFoundText(choices, proof.notes));
  return isFound && losses.length === 0 && proof.histories.every((history) => history.conflicts.length === 0) ? 0 : 1;
}

function notFoundText({ id, sinceMs }: ProveChoices, notes: readonly string[]): string {
  const bound =
    sinceMs === null
      ? 'in anything that retention has left'
      : `since ${new Date(sinceMs).toISOString()}; a longer --since looks further back`;
  return [`No event and no correlation id ${id} ${bound}.`, ...notes.map((note) => `  ${note}`), ''].join('\n');
}

function progressTeller({ progress }: ProveOutput): (of: ScanProgress) => void {
  let toldAt = performance.now();
  return ({ topic, partition, done, total }) => {
    if (total < QUIET_RECORDS || performance.now() - toldAt < PROGRESS_MS) return;
    toldAt = performance.now();
    progress(`reading ${topic}/${partition}: ${done} of ${total} (${Math.floor((100 * done) / total)} %)\n`);
  };
}
