import type { Check } from './check-sources.js';
import type { CompleteDestination } from './complete-config.js';
import { durationMs } from './units.js';
import type { PathPart } from './yaml-source.js';

/** Of these one request can have several. */
const SHARED = /\{(?!type\}|source\})[^{}]*\}/;

/** Checks of a bulk endpoint that need more than one key to see. */
export function checkBatch({ http, unknown, batch }: CompleteDestination, at: readonly PathPart[], { faults, warnings }: Check): void {
  if (!batch) return;
  const path = [...at, 'batch'];
  const fault = (below: readonly PathPart[], problem: string, mend: string) =>
    void faults.push({ path: [...path, ...below], problem, mend });
  if (http.method === 'GET') fault([], 'needs a body, which GET has not', 'write http.method: POST');
  if (SHARED.test(http.url)) fault([], 'needs one URL for many events', 'take placeholders other than {type} and {source} out of http.url');
  if (durationMs(batch.maxWait) * 4 > durationMs(http.timeout))
    fault(['maxWait'], `is more than a quarter of http.timeout (${http.timeout})`, 'shorten it, or lengthen http.timeout');
  if (unknown.resolve === 'idempotency-key' && batch.key === undefined)
    fault(
      [],
      'has no key, and nothing else tells the partner that it has seen an event',
      'add key: a pointer to what it knows an event by',
    );
  const { results, key } = batch;
  if (!results) {
    const mend = 'add results if its answer tells, or leave it where the partner takes all or none';
    warnings.push({ path, problem: 'takes a 2xx for the word on every event in the request', mend });
    return;
  }
  if (results.id !== undefined && results.index !== undefined) fault(['results'], 'names its items twice', 'keep one of id and index');
  if (results.id !== undefined && key === undefined) fault(['results', 'id'], 'has no key to compare with', 'add batch.key');
  if (results.lists === 'failures' && results.id === undefined && results.index === undefined)
    fault(['results', 'lists'], 'needs to know which items failed', 'add id or index');
  if (results.lists === 'all' && results.status === undefined)
    fault(['results'], 'does not say where the status stands', 'add status, or lists: failures');
}
