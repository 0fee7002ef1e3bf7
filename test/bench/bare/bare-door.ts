import { fastify } from 'fastify';
import type { AddressInfo } from 'node:net';

// The door's limit: Fastify takes the same bodies as bytes and answers as much, and does nothing with them.
const server = fastify();
server.removeAllContentTypeParsers();
server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
const answer = '{"id":"018f3f3e-0000-7000-8000-000000000000","correlationId":"0123456789abcdef0123456789abcdef"}';
server.post('/in/shop', (_request, reply) => void reply.code(202).header('content-type', 'application/json').send(answer));
await server.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`ready ${(server.server.address() as AddressInfo).port}\n`);
