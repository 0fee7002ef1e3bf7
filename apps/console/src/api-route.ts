import type { z } from 'zod';
import type { Actor, Role } from './console.ports.js';

/** One request of the API: its contract and what answers it. The contract is checked, documented and tested from here. */
export type ApiRoute = Readonly<{
  method: 'GET' | 'POST';
  /** With `:name` for its parameters. */
  path: string;
  summary: string;
  role: Role;
  params?: z.ZodType;
  query?: z.ZodType;
  body?: z.ZodType;
  /** Of a success. */
  status: 200 | 202;
  answer: z.ZodType;
  handle(call: ApiCall): Promise<unknown>;
}>;

/** Checked by the route's schemas. */
export type ApiCall = Readonly<{ params: unknown; query: unknown; body: unknown; actor: Actor; correlationId: string }>;

type Shapes<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> = Readonly<{ params?: P; query?: Q; body?: B }>;

/** Writes a route down with the types of its schemas. */
export function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, A extends z.ZodType>(
  of: Omit<ApiRoute, 'handle' | 'params' | 'query' | 'body' | 'answer'> &
    Shapes<P, Q, B> &
    Readonly<{
      answer: A;
      handle(
        call: Readonly<{ params: z.output<P>; query: z.output<Q>; body: z.output<B>; actor: Actor; correlationId: string }>,
      ): Promise<z.input<A>>;
    }>,
): ApiRoute {
  return of;
}
