import { All, Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/** Everything that is not the API, which stands beside Nest's routing: `api.fastify.ts`. */
@Controller()
export class ConsoleController {
  @All('*')
  elsewhere(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const problem = new Problem(404, 'There is nothing here', 'The API is under /api; GET /api/openapi.json lists its requests.');
    void reply
      .code(problem.status)
      .header('content-type', 'application/problem+json')
      .send(Buffer.from(JSON.stringify(problem.body(request.id))));
  }
}
