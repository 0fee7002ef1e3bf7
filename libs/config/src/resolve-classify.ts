import type { CompleteDestination } from './complete-config.js';
import type { AnswerTest, ClassifyRule } from './configuration.js';

type Written = CompleteDestination['classify'][number];
type WrittenTest = Omit<NonNullable<Written['body']>, 'pointer'>;

export function classifyRule({ status, header, body, as }: Written): ClassifyRule {
  const range = (one: number | string) =>
    typeof one === 'number' ? { from: one, to: one } : { from: Number(one[0]) * 100, to: Number(one[0]) * 100 + 99 };
  return {
    statuses: status === undefined ? null : (Array.isArray(status) ? status : [status]).map(range),
    header: header ? { name: header.name.toLowerCase(), test: answerTest(header) } : null,
    body: body ? { pointer: body.pointer, test: answerTest(body) } : null,
    as,
  };
}

export function answerTest({ equals, in: oneOf, matches, exists }: WrittenTest): AnswerTest {
  if (equals !== undefined) return { kind: 'in', values: [String(equals)] };
  if (oneOf !== undefined) return { kind: 'in', values: oneOf.map(String) };
  if (matches !== undefined) return { kind: 'matches', pattern: matches };
  return { kind: 'exists', exists: exists! };
}
