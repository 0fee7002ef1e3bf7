import { randomUUID } from 'node:crypto';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type z } from 'zod';
import type { ApiRoute } from './api-route.js';
import type { Actor } from './console.ports.js';
import { mayAct } from './decide-access.js';
import { openApiDocument } from './open-api.js';
import { Problem } from './problem.js';

export type ApiOptions = Readonly<{
  routes: readonly ApiRoute[];
  /** Null: nobody we know. */
  whoAsks(header: (name: string) => string | undefined): Actor | null;
  tell(
    line: Readonly<{
      method: string;
      path: string;
      status: number;
      by: string | null;
      correlationId: string;
      tookMs: number;
      error?: unknown;
    }>,
  ): void;
}>;

export type ApiPlugin = (instance: FastifyInstance) => Promise<void>;

const BODY_MAX_BYTES = 256 * 1024;
const CORRELATION_ID = /^[A-Za-z0-9._-]{8,128}$/;

type Seen = FastifyRequest & { seen?: { correlationId: string; by: string | null; startedMs: number } };

/** Puts the table of routes on a Fastify instance: who asks, what is asked, the answer or a problem document, one line each. */
export function openApi({ routes, whoAsks, tell }: ApiOptions): ApiPlugin {
  const document = openApiDocument(routes);
  return async (parent) => {
    await parent.register(async (instance) => {
      instance.addHook('onRequest', async (request: Seen, reply) => {
        const given = request.headers['x-correlation-id'];
        const correlationId = typeof given === 'string' && CORRELATION_ID.test(given) ? given : randomUUID();
        request.seen = { correlationId, by: null, startedMs: performance.now() };
        void reply
          .header('x-correlation-id', correlationId)
          .header('cache-control', 'no-store')
          .header('x-content-type-options', 'nosniff');
      });
      instance.addHook('onResponse', async (request: Seen, reply) => {
        const { correlationId, by, startedMs } = request.seen!;
        const line = { method: request.method, path: request.url.split('?', 1)[0]!, status: reply.statusCode, by, correlationId };
        tell({ ...line, tookMs: Math.round(performance.now() - startedMs) });
      });
      instance.setErrorHandler((error: FastifyError | Problem, request: Seen, reply) => answerError(error, request, reply, tell));
      instance.get('/api/openapi.json', async () => document);
      for (const one of routes) {
        instance.route({
          method: one.method,
          url: one.path,
          bodyLimit: BODY_MAX_BYTES,
          handler: async (request: Seen, reply) => {
            const actor = whoAsks((name) => request.headers[name] as string | undefined);
            if (!actor)
              throw new Problem(401, 'Nobody we know', 'Send Authorization: Bearer TOKEN with one of the tokens of console.tokens.');
            request.seen!.by = actor.name;
            if (!mayAct(actor, one.role))
              throw new Problem(403, 'Not in this role', `This needs the role ${one.role}; ${actor.name} has ${actor.role}.`);
            const call = {
              params: checked(one.params, request.params, 'path'),
              query: checked(one.query, request.query, 'query'),
              body: checked(one.body, request.body ?? undefined, 'body'),
              actor,
              correlationId: request.seen!.correlationId,
            };
            return reply.code(one.status).send(await one.handle(call));
          },
        });
      }
      instance.all('/api/*', async () => {
        throw new Problem(404, 'There is no such request', 'GET /api/openapi.json lists them all.');
      });
    });
  };
}

function checked(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (!schema) return value;
  const parsed = schema.safeParse(where === 'body' && value === undefined ? {} : value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map(({ path, message }) => ({ where: `${where}/${path.join('/')}`, problem: message }));
  throw new Problem(400, 'The request is not as it should be', errors.map((one) => `${one.where}: ${one.problem}`).join('; '), { errors });
}

function answerError(error: FastifyError | Problem, request: Seen, reply: FastifyReply, tell: ApiOptions['tell']): FastifyReply {
  const { correlationId, by, startedMs } = request.seen!;
  const problem = problemOf(error);
  if (problem.status >= 500) {
    const path = request.url.split('?', 1)[0]!;
    tell({
      method: request.method,
      path,
      status: problem.status,
      by,
      correlationId,
      tookMs: Math.round(performance.now() - startedMs),
      error,
    });
  }
  if (problem.status === 503) void reply.header('retry-after', '5');
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json')
    .send(Buffer.from(JSON.stringify(problem.body(correlationId))));
}

function problemOf(error: FastifyError | Problem): Problem {
  if (error instanceof Problem) return error;
  if ((error as { retryable?: boolean }).retryable === true) {
    return new Problem(
      503,
      'Not now',
      'Postgres, Redis or Kafka does not answer; nothing was done. Try again in a few seconds; /readyz says which.',
    );
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return new Problem(status, 'The request cannot be read', error.message);
  return new Problem(500, 'A fault of ours', 'Look into the log of console under this correlation id.');
}
