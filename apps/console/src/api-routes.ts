import { z } from 'zod';
import { route, type ApiRoute } from './api-route.js';
import * as shapes from './api-schemas.js';
import { cursorText, send, type ApiPorts } from './api-ports.js';
import { deadLetterRoutes } from './dead-letter-routes.js';
import { answerEvent } from './event-answers.js';
import { notFound } from './problem.js';

/** Every request there is. Pages, documentation, roles and tests are made from this table. */
export const apiRoutes = (ports: ApiPorts): readonly ApiRoute[] => [
  ...eventRoutes(ports),
  ...deadLetterRoutes(ports),
  ...operationRoutes(ports),
  ...destinationRoutes(ports),
];

const eventRoutes = (ports: ApiPorts): ApiRoute[] => [
  route({
    method: 'GET',
    path: '/api/events/:id',
    summary: 'What became of an event: its verdict at each destination, and the timeline behind it.',
    role: 'viewer',
    params: shapes.idParams,
    status: 200,
    answer: z
      .object({ event: z.unknown(), timeline: z.array(z.unknown()), verdict: z.string(), verdicts: z.record(z.string(), z.unknown()) })
      .loose(),
    handle: async ({ params }) => {
      const answer = await answerEvent(params.id, ports);
      if (!answer)
        throw notFound(
          'event',
          `Nothing is known under ${params.id}. A moment old? The ledger follows within seconds; holdfast prove reads Kafka.`,
        );
      return answer as never;
    },
  }),
  route({
    method: 'GET',
    path: '/api/events',
    summary: 'Events by id, type, source, entity, destination, state and time, newest first.',
    role: 'viewer',
    query: shapes.eventsQuery,
    status: 200,
    answer: shapes.listOf(z.unknown()),
    handle: async ({ query }) => {
      const { from, to, cursor, limit, ...fields } = query;
      const after = cursor && { appendedat: cursor.atMs, position: cursor.id };
      const items = await ports.ledger.search({ ...fields, fromMs: from, toMs: to, after, max: limit + 1 });
      const page = items.slice(0, limit);
      const end = items.length > limit ? page.at(-1) : undefined;
      return { items: page, nextCursor: cursorText(end ? { atMs: end.appendedat, id: end.position } : null) };
    },
  }),
  route({
    method: 'POST',
    path: '/api/events/:id/destinations/:name/resolve',
    summary: "The operator's word on an unknown outcome that is held, or on a parked key.",
    role: 'operator',
    params: z.object({ ...shapes.idParams.shape, ...shapes.nameParams.shape }),
    body: shapes.resolveBody,
    status: 202,
    answer: shapes.accepted,
    handle: async ({ params, body, actor }) => {
      known(params.name, ports);
      const answer = await answerEvent(params.id, ports);
      if (!answer) throw notFound('event', `Nothing is known under ${params.id}.`);
      if (!(params.name in answer.verdicts)) throw notFound('delivery', `${params.id} was not routed to ${params.name}.`);
      const ids = [String(answer.event['position'])];
      return send({ kind: 'resolve', destination: params.name, ids, reason: body.reason, by: actor.name, detail: { as: body.as } }, ports);
    },
  }),
];

const operationRoutes = (ports: ApiPorts): ApiRoute[] => [
  route({
    method: 'GET',
    path: '/api/operations/:id',
    summary: 'How far an operation is.',
    role: 'viewer',
    params: shapes.idParams,
    status: 200,
    answer: z
      .object({
        phase: z.string(),
        total: z.number(),
        sent: z.number(),
        delivered: z.number(),
        failed: z.number(),
        why: z.string().nullable(),
      })
      .loose(),
    handle: async ({ params }) => {
      const operation = await ports.operations.get(params.id);
      if (!operation)
        throw notFound('operation', `Take operationId of the answer that began it, and give it a second. Asked: ${params.id}.`);
      return operation;
    },
  }),
  route({
    method: 'POST',
    path: '/api/operations/:id/abort',
    summary: 'Sends nothing more; what was sent goes its way, the rest stays open.',
    role: 'operator',
    params: shapes.idParams,
    body: shapes.reasonBody,
    status: 202,
    answer: shapes.accepted,
    handle: async ({ params, body, actor }) => {
      const operation = await ports.operations.get(params.id);
      if (!operation) throw notFound('operation', `Take operationId of the answer that began it. Asked: ${params.id}.`);
      const asked = {
        kind: 'abort' as const,
        destination: null,
        ids: [params.id],
        reason: body?.reason ?? 'abort',
        by: actor.name,
        detail: {},
      };
      return send(asked, ports);
    },
  }),
];

const destinationRoutes = (ports: ApiPorts): ApiRoute[] => [
  route({
    method: 'GET',
    path: '/api/destinations',
    summary: 'Each destination: breaker, hold, lag and time to loss.',
    role: 'viewer',
    status: 200,
    answer: shapes.listOf(z.unknown()),
    handle: async () => ({ items: [...(await ports.destinations.list())], nextCursor: null }),
  }),
  ...(['pause', 'resume', 'probe'] as const).map((kind) =>
    route({
      method: 'POST',
      path: `/api/destinations/:name/${kind}`,
      summary: { pause: 'Holds a destination until it is resumed.', resume: 'Ends a pause.', probe: 'Probes an open breaker now.' }[kind],
      role: 'operator',
      params: shapes.nameParams,
      body: shapes.reasonBody,
      status: 202,
      answer: shapes.accepted,
      handle: async ({ params, body, actor }) => {
        known(params.name, ports);
        return send({ kind, destination: params.name, ids: [], reason: body?.reason ?? kind, by: actor.name, detail: {} }, ports);
      },
    }),
  ),
];

function known(name: string, { knownDestinations }: ApiPorts): void {
  if (!knownDestinations.has(name)) throw notFound('destination', `The configuration has ${[...knownDestinations].join(', ') || 'none'}.`);
}
