import { All, Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problemBody } from './problems.js';

/** Everything that is not the door. The door itself stands beside Nest's routing: `door.fastify.ts`. */
@Controller()
export class IngestController {
  @All('*')
  elsewhere(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const body = Buffer.from(problemBody('unknown-source', request.id));
    void reply.code(404).header('content-type', 'application/problem+json').send(body);
  }
}
