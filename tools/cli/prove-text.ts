import type { DestinationVerdict, EventHistory, Proof, TimelineEntry } from '#libs/ledger/src/index.js';

/** A proof for people: pure, so that its words are tested. */
export function proofText({ histories, doubled, notes }: Proof): string {
  const parts = histories.map((history) => historyText(history, doubled));
  if (notes.length > 0) parts.push(['notes', ...notes.map((note) => `  ${note}`)].join('\n'));
  return `${parts.join('\n\n')}\n`;
}

function historyText(history: EventHistory, doubled: Proof['doubled']): string {
  const { event, verdict, verdicts, timeline, faults, conflicts } = history;
  const width = Math.max(0, ...Object.keys(verdicts).map((name) => name.length));
  return [
    `event        ${event.id}`,
    `             ${event.type || '(no type)'} from ${event.source}${event.entity === null ? '' : `, entity ${event.entity}`}`,
    `correlation  ${event.correlationid}`,
    `position     ${event.position}${event.origin === null ? '' : `, copied from ${event.origin}`}`,
    `verdict      ${verdict}${doubledText(history, doubled)}`,
    ...faults.map((fault) => `             ${fault.pointer || '(body)'}: ${fault.code}: ${fault.message}`),
    ...Object.entries(verdicts).map(([name, each]) => `  ${name.padEnd(width)}  ${destinationText(each)}`),
    ...conflicts.map((conflict) => `CONFLICT     ${conflict}`),
    'timeline',
    ...timeline.map((entry) => `  ${entryText(entry)}`),
  ].join('\n');
}

function doubledText({ duplicateof, verdict }: EventHistory, doubled: Proof['doubled']): string {
  if (duplicateof === null) return '';
  const other = doubled[duplicateof];
  return ` ${verdict === 'superseded' ? 'by' : 'of'} ${duplicateof}${other ? ` (event ${other.id}, correlation ${other.correlationid})` : ''}`;
}

const time = (ms: number): string => new Date(ms).toISOString();
const list = (...parts: (string | null | false)[]): string => parts.filter((part) => part).join(', ');

/** One destination's verdict in one line. */
export function destinationText(of: DestinationVerdict): string {
  switch (of.verdict) {
    case 'delivered-once':
    case 'delivered-once-by-proof':
    case 'delivered-maybe-twice':
      return `${of.verdict}  ${list(time(of.at), of.attempt !== null && `attempt ${of.attempt}`, of.status !== null && `status ${of.status}`, of.position, of.why)}`;
    case 'duplicate-suppressed':
      return `${of.verdict}  ${of.duplicateof === null ? '' : `of ${of.duplicateof}`}`;
    case 'superseded':
      return `${of.verdict}  ${list(time(of.at), of.by !== null && `by ${of.by}`)}`;
    case 'waiting':
      return `${of.verdict}  ${list(of.where, of.until !== null && `until ${time(of.until)}`, of.attempt !== null && of.attempt > 0 && `after attempt ${of.attempt}`, of.class, of.reason)}`;
    case 'dead-lettered':
      return `${of.verdict}  ${list(time(of.at), of.where, of.class, of.status !== null && `status ${of.status}`, of.reason)}`;
    case 'discarded':
      return `${of.verdict}  ${list(time(of.at), of.by !== null && `by ${of.by}`, of.reason)}`;
    case 'invalid':
      return of.verdict;
    case 'lost':
      return `LOST  ${list(of.position, of.why)}`;
  }
}

const FACT_WIDTH = 'dead-lettered'.length;

function entryText(entry: TimelineEntry): string {
  const detail = list(
    entry.destination ?? null,
    entry.attempt !== undefined && `attempt ${entry.attempt}`,
    entry.verdict ?? null,
    entry.duplicateof !== undefined && `of ${entry.duplicateof}`,
    entry.destinations !== undefined && `to ${entry.destinations.join(' ')}`,
    entry.class ?? null,
    entry.status !== undefined && `status ${entry.status}`,
    entry.error ?? null,
    entry.tookms !== undefined && `${entry.tookms} ms`,
    entry.tier !== undefined && `waits in ${entry.tier}`,
    entry.until !== undefined && `until ${time(entry.until)}`,
    entry.by !== undefined && `by ${entry.by}`,
    entry.reason ?? null,
    entry.position ?? null,
  );
  return `${time(entry.at)}  ${entry.fact.padEnd(FACT_WIDTH)}  ${detail}`;
}
