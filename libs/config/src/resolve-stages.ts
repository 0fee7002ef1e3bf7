import type { CompleteDestination } from './complete-config.js';
import type { LookupConfig, StageConfig } from './configuration.js';
import { answerTest, classifyRule } from './resolve-classify.js';
import { resultFrom, valueFrom } from './resolve-values.js';
import { durationMs } from './units.js';
import { urlTemplate } from './url-template.js';

type WrittenStage = NonNullable<CompleteDestination['stages']>[number];
type WrittenLookup = NonNullable<CompleteDestination['unknown']['lookup']>;

export const resolveLookup = (written: WrittenLookup): LookupConfig => ({
  url: urlTemplate(written.url),
  method: written.method,
  body: written.body,
  timeoutMs: written.timeout === undefined ? null : durationMs(written.timeout),
  graceMs: durationMs(written.grace),
  revision: written.revision ?? null,
  match: written.match ? mapped(written.match, valueFrom) : null,
  creates: written.creates ?? false,
  result: mapped(written.result, resultFrom),
});

/** What a stage does not say is as the destination has it. */
export function resolveStage(
  { request, ...written }: WrittenStage,
  { http, classify }: Pick<CompleteDestination, 'http' | 'classify'>,
): StageConfig {
  const method = request.method ?? http.method;
  return {
    name: written.name,
    http: { url: urlTemplate(request.url ?? http.url), method, headers: { ...http.headers, ...request.headers } },
    body: request.body,
    reads: written.reads ?? (method === 'GET' || method === 'HEAD'),
    when: written.when.map(({ value, ...test }) => ({ value, test: answerTest(test) })),
    result: mapped(written.result, resultFrom),
    classify: [...written.classify, ...classify].map(classifyRule),
    lookup: written.lookup ? resolveLookup(written.lookup) : null,
  };
}

const mapped = <T>(written: Readonly<Record<string, string>>, of: (text: string) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(written).map(([name, text]) => [name, of(text)]));
