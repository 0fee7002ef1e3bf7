import { z } from 'zod';
import { route, type ApiRoute } from './api-route.js';
import { cursorText, send, type ApiPorts } from './api-ports.js';
import * as shapes from './api-schemas.js';
import type { DeadLetterItem, DeadLetterQuery, Selection } from './console.ports.js';
import { Problem, notFound } from './problem.js';

/** Items of one operation; a larger set is done in several. */
export const OPERATION_ITEMS_MAX = 100_000;

type Fields = Readonly<{ from?: number | undefined; to?: number | undefined; source?: string | undefined }> &
  Omit<DeadLetterQuery, 'kind' | 'fromMs' | 'toMs'>;
const queryOf = (kind: DeadLetterQuery['kind'], { from, to, ...fields }: Fields): DeadLetterQuery => ({
  kind,
  ...fields,
  fromMs: from,
  toMs: to,
});

export const deadLetterRoutes = (ports: ApiPorts): ApiRoute[] => [
  ...(['dead-letter', 'invalid'] as const).map((kind) => listRoute(kind, ports)),
  route({
    method: 'GET',
    path: '/api/dead-letters/groups',
    summary: 'Open dead letters by what went wrong, the largest group first.',
    role: 'viewer',
    query: shapes.deadLetterGroupsQuery,
    status: 200,
    answer: shapes.listOf(z.unknown()),
    handle: async ({ query }) => ({ items: [...(await ports.deadLetters.groups(queryOf('dead-letter', query)))], nextCursor: null }),
  }),
  route({
    method: 'GET',
    path: '/api/dead-letters/:id',
    summary: 'One dead letter or invalid event with its payload, reason and whole history.',
    role: 'viewer',
    params: shapes.idParams,
    status: 200,
    answer: z.object({ id: z.string(), data: z.string(), reason: z.string(), history: z.array(z.unknown()) }).loose(),
    handle: async ({ params }) => {
      const found = await ports.deadLetters.get(params.id);
      if (!found) throw notFound('dead letter', `Take an id of GET /api/dead-letters, such as dlq-0-12. Asked: ${params.id}.`);
      return { ...found, data: found.data.toString('base64'), history: found.history.map(asHistory) };
    },
  }),
  ...(['requeue', 'discard'] as const).map((kind) => actRoute(kind, ports)),
];

/** INTERFACES writes `tookMs`; the record's own name is `tookms`. */
function asHistory(entry: unknown): unknown {
  const { tookms, ...rest } = entry as { tookms?: number };
  return { ...rest, tookMs: tookms ?? null };
}

const listRoute = (kind: DeadLetterQuery['kind'], ports: ApiPorts): ApiRoute =>
  route({
    method: 'GET',
    path: kind === 'invalid' ? '/api/invalid' : '/api/dead-letters',
    summary: kind === 'invalid' ? 'Invalid events, newest first.' : 'Dead letters, newest first.',
    role: 'viewer',
    query: (kind === 'invalid' ? shapes.invalidQuery : shapes.deadLettersQuery) as typeof shapes.deadLettersQuery,
    status: 200,
    answer: shapes.listOf(z.unknown()),
    handle: async ({ query }) => {
      const { cursor, limit, ...fields } = query;
      const { items, next } = await ports.deadLetters.list(queryOf(kind, fields), { after: cursor ?? null, max: limit });
      return { items: [...items] satisfies DeadLetterItem[], nextCursor: cursorText(next) };
    },
  });

const actRoute = (kind: 'requeue' | 'discard', ports: ApiPorts): ApiRoute =>
  route({
    method: 'POST',
    path: `/api/dead-letters/${kind}`,
    summary:
      kind === 'requeue'
        ? 'Sends a frozen set again: a canary, then a ramp, with an automatic stop.'
        : 'Gives a frozen set up, with a reason.',
    role: 'operator',
    body: shapes.selectionBody,
    status: 202,
    answer: shapes.accepted,
    handle: async ({ body, actor }) => {
      const { ids, count } = await ports.deadLetters.freeze(selectionOf(body), OPERATION_ITEMS_MAX);
      if (count === 0)
        throw notFound('open dead letter', 'Nothing open fits. It may have been requeued or discarded since; look at the list.');
      if (count > OPERATION_ITEMS_MAX)
        throw new Problem(
          422,
          'The set is too large',
          `${count} items fit, and one operation takes ${OPERATION_ITEMS_MAX}. Narrow it by time, type or group.`,
        );
      return send({ kind, destination: null, ids, reason: body.reason, by: actor.name, detail: {} }, ports);
    },
  });

const selectionOf = (body: z.output<typeof shapes.selectionBody>): Selection => {
  if (body.ids) return { ids: body.ids };
  return { filter: queryOf('dead-letter', body.filter ?? { group: body.group }) };
};
