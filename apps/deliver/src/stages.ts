import type { DestinationConfig, ResultFrom, StageConfig } from '#libs/config/src/index.js';
import { decideStage, stageValues } from '#libs/delivery/src/index.js';
import { asText, at, parseExact } from '#libs/domain/src/index.js';
import { answerRules, fitting } from './answers.js';
import type { Answer, Resolver, Stage, Stages } from './deliver.ports.js';
import { requestRenderer, type Credentials, type Signing } from './render-request.js';

/** A value that is longer is no id, and would have to fit into Redis, URLs and the delivery's record. */
const keptMaxLength = 1_024;

export type StageParts = Readonly<{
  config: DestinationConfig;
  credentials: Credentials;
  signing: Signing | null;
  resolverOf(lookup: StageConfig['lookup']): Resolver;
}>;

export function stagesOf(parts: StageParts): Stages | undefined {
  const list = parts.config.stages?.map((stage) => stageOf(stage, parts));
  return list && { current: (notes) => decideStage(list, notes) };
}

function stageOf(stage: StageConfig, { config, credentials, signing, resolverOf }: StageParts): Stage {
  const render = requestRenderer({ http: stage.http, unknown: config.unknown }, credentials, signing);
  const { name, body } = stage;
  return {
    name,
    when: stage.when.map(({ value, test }) => ({ value, fits: fitting(test) })),
    isReading: stage.reads,
    rules: answerRules(stage.classify),
    resolver: resolverOf(stage.lookup),
    render: (delivery, shaped, notes) => render(delivery, shaped, { stage: name, values: stageValues(notes), body }),
    kept: (answer) => ({ ...resultsIn(answer, stage.result), status: String(answer.status) }),
  };
}

export function resultsIn(
  { headers, body }: Pick<Answer, 'headers' | 'body'>,
  results: Readonly<Record<string, ResultFrom>>,
): Record<string, string> {
  const found: Record<string, string> = {};
  const names = Object.entries(results);
  const read = names.some(([, from]) => from.kind === 'pointer') ? parseExact(body) : null;
  for (const [name, from] of names) {
    const value = from.kind === 'header' ? (headers?.[from.name] ?? null) : asText(at(read?.value, from.pointer));
    if (value !== null && value.length <= keptMaxLength) found[name] = value;
  }
  return found;
}
