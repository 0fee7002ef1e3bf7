import { z } from 'zod';
import type { ApiRoute } from './api-route.js';

const PROBLEM = {
  type: 'object',
  required: ['title', 'status', 'detail', 'correlationId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    correlationId: { type: 'string' },
  },
};

/** The contract of the API as OpenAPI 3.1, made from the table that also answers. */
export function openApiDocument(routes: readonly ApiRoute[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const one of routes) {
    const path = one.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [one.method.toLowerCase()]: operation(one) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Holdfast console', version: '1', description: 'See, understand and mend what became of events.' },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'One of console.tokens; in dev without tokens none is needed.' },
      },
      schemas: { Problem: PROBLEM },
    },
  };
}

function operation({ method, path, summary, role, params, query, body, status, answer }: ApiRoute): Record<string, unknown> {
  const problem = {
    description: 'A problem document (RFC 9457).',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  const codes = [400, 401, 403, ...(path.includes(':') || method === 'POST' ? [404] : []), ...(body ? [413, 415, 422] : []), 503];
  return {
    summary,
    description: `Needs the role ${role}.`,
    operationId: `${method.toLowerCase()}${path.replace(/[^a-zA-Z]+(\w)/g, (_all, letter: string) => letter.toUpperCase())}`,
    parameters: [...parameters(params, 'path'), ...parameters(query, 'query')],
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(body) } } } }),
    responses: {
      [status]: {
        description: status === 202 ? 'Taken on, and durable.' : 'The answer.',
        content: { 'application/json': { schema: jsonSchema(answer) } },
      },
      ...Object.fromEntries(codes.map((code) => [code, problem])),
    },
  };
}

function parameters(schema: z.ZodType | undefined, place: 'path' | 'query'): Record<string, unknown>[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = jsonSchema(schema) as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...of }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description !== undefined && { description }),
    schema: of,
  }));
}

const jsonSchema = (schema: z.ZodType): Record<string, unknown> => {
  const { $schema: _version, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
};
