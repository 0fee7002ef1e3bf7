import { RE2JS } from 're2js';
import type { AnswerConfig, AnswerTest, ClassifyRule, DestinationConfig } from '#libs/config/src/index.js';
import type { AnswerRule } from '#libs/delivery/src/index.js';
import { asText } from '#libs/domain/src/index.js';
import { answerMaxBytesDefault, type AnswerNeeds } from './sender.undici.js';

/** An expression looks at so much of a text: an answer's size is the partner's choice. */
const lookedAtMaxLength = 4_096;
const masked = '[masked]';

export const answerRules = (rules: readonly ClassifyRule[]): AnswerRule[] =>
  rules.map(({ statuses, header, body, as }) => ({
    statuses,
    header: header && { name: header.name, fits: fitting(header.test) },
    body: body && { pointer: body.pointer, fits: fitting(body.test) },
    as,
  }));

/** What of each answer is read beyond its status and what is kept anyway: as much as rules, masks and results look at. */
export function needsOf({
  classify,
  answer,
  stages,
}: Pick<DestinationConfig, 'classify' | 'answer'> & Partial<Pick<DestinationConfig, 'stages'>>): AnswerNeeds {
  const rules = stages ? stages.flatMap((stage) => stage.classify) : classify;
  const results = (stages ?? []).flatMap(({ result }) => Object.values(result));
  const needsBody = rules.some(({ body }) => body !== null) || results.some(({ kind }) => kind === 'pointer');
  const looksInside = needsBody || answer.mask.length > 0;
  const headers = [
    ...rules.flatMap(({ header }) => (header ? [header.name] : [])),
    ...results.flatMap((from) => (from.kind === 'header' ? [from.name] : [])),
  ];
  return {
    answerHeaders: [...new Set(headers)],
    needsBody,
    keepMaxBytes: looksInside ? answerMaxBytesDefault : answer.keepMaxBytes,
  };
}

export function fitting(test: AnswerTest): (value: unknown) => boolean {
  switch (test.kind) {
    case 'exists':
      // A null of JSON is there.
      return (value) => (value !== undefined) === test.exists;
    case 'in':
      return (value) => {
        const text = asText(value);
        return text !== null && test.values.includes(text);
      };
    case 'matches': {
      const expression = RE2JS.compile(test.pattern);
      return (value) => {
        const text = asText(value);
        return text !== null && expression.matcher(text.slice(0, lookedAtMaxLength)).find();
      };
    }
  }
}

/** What of an answer goes into the history: what is masked first, then cut. */
export function answerKeeper({ keepMaxBytes, mask }: AnswerConfig): (body: string) => string {
  const cut = (text: string): string => (text.length * 3 <= keepMaxBytes ? text : cutToBytes(text, keepMaxBytes));
  if (mask.length === 0) return cut;
  const paths = mask.map((pointer) => pointer.slice(1).split('/').map(unescaped));
  return (body) => {
    try {
      const value: unknown = JSON.parse(body);
      for (const path of paths) hide(value, path);
      return cut(JSON.stringify(value));
    } catch {
      return '[not kept: it is not JSON, or too long to be read whole, and answer.mask names parts of it]';
    }
  };
}

const unescaped = (token: string): string => token.replaceAll('~1', '/').replaceAll('~0', '~');

function hide(value: unknown, [token, ...rest]: readonly string[]): void {
  if (typeof value !== 'object' || value === null || token === undefined) return;
  const here = value as Record<string, unknown>;
  for (const key of token === '*' ? Object.keys(here) : Object.hasOwn(here, token) ? [token] : []) {
    if (rest.length === 0) here[key] = masked;
    else hide(here[key], rest);
  }
}

/** No half character at the end. */
function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.length <= maxBytes
    ? text
    : bytes
        .subarray(0, maxBytes)
        .toString('utf8')
        .replace(/\ufffd+$/, '');
}
