import type { CompleteDestination } from './complete-config.js';
import type { Check } from './check-sources.js';
import { STAGE_VALUE } from './value.schema.js';
import type { PathPart } from './yaml-source.js';

type At = readonly PathPart[];

const originOf = (text: string): string => new URL(text.replace(/\{[^{}]*\}/g, 'x')).origin;
const namedIn = (written: unknown): [string, string][] =>
  [...JSON.stringify(written ?? null).matchAll(STAGE_VALUE)].map((match) => [match[1]!, match[2]!]);

/** Checks of a sequence of requests that need more than one of them to see. */
export function checkStages({ http, stages, batch }: CompleteDestination, at: At, { faults }: Check): void {
  if (!stages) return;
  const path = [...at, 'stages'];
  if (batch) faults.push({ path, problem: 'cannot stand beside batch: a batch is one request for many', mend: 'take one of them out' });
  const known = new Map<string, Set<string>>();
  stages.forEach((stage, n) => {
    const here = [...path, n];
    if (known.has(stage.name))
      faults.push({ path: [...here, 'name'], problem: 'is a name that an earlier stage has', mend: 'give it another' });
    const url = stage.request.url;
    if (url !== undefined && originOf(url) !== originOf(http.url)) {
      const mend = 'call one partner in one destination: its connections, credentials and breaker are those of one host';
      faults.push({ path: [...here, 'request', 'url'], problem: 'is on another host than http.url', mend });
    }
    const values = [
      ...namedIn(stage.request),
      ...namedIn(stage.lookup),
      ...stage.when.map(({ value }) => value.split('.') as [string, string]),
    ];
    for (const [name, value] of values) {
      if (known.get(name)?.has(value)) continue;
      faults.push({
        path: here,
        problem: `names ${name}.${value}, which no earlier stage keeps`,
        mend: `add result: { ${value}: … } to an earlier stage ${name}, or name its status`,
      });
    }
    known.set(stage.name, new Set([...Object.keys(stage.result), 'status']));
  });
}
