import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { handleAdmin } from './partner-admin.js';
import { PartnerBooks, type PartnerOptions } from './partner-books.js';
import { serveExchange } from './partner-exchange.js';
import { reply } from './partner-http.js';
import { partnerPage } from './partner-page.js';

/**
 * A simulated partner API, for tests, benchmarks and the demo. It takes POST, PUT, PATCH and DELETE on any path as deliveries, answers
 * GET as lookups, does what its rules say, and keeps the books of what *really* took effect: the other side of every verdict.
 *
 * | request                                   | answer                                                                               |
 * | ----------------------------------------- | ------------------------------------------------------------------------------------ |
 * | POST, PUT, PATCH, DELETE any path         | as scripted; by default 200 `{"id","status":"stored"}`                               |
 * | the same with a known `Idempotency-Key`   | the first receipt and `Idempotent-Replayed: true`; 422 when the body is another      |
 * | GET a path, `?externalId=` or `?entity=`  | 200, the record's fields and `_partner: {id, entity, revision, eventId}`; or 404     |
 * | GET /                                     | the last deliveries, as text                                                         |
 * | /_sim/…                                   | the admin API (see partner-admin.ts)                                                 |
 */
export class Partner extends PartnerBooks {
  private server = this.newServer();
  private boundPort = 0;

  get port(): number {
    return this.boundPort;
  }

  get url(): string {
    return `${this.options.tls ? 'https' : 'http'}://${this.options.host ?? '127.0.0.1'}:${this.boundPort}`;
  }

  /** Rejects with the socket's error (EADDRINUSE) when the port is taken. */
  async listen(): Promise<this> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.server.once('error', reject);
    this.server.listen(this.boundPort || (this.options.port ?? 0), this.options.host ?? '127.0.0.1', resolve);
    await promise;
    this.boundPort = (this.server.address() as AddressInfo).port;
    return this;
  }

  /** As if its process were gone: connections reset, new ones refused. The books stay, and {@link comeBack} listens on the same port again. */
  async goAway(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    this.server.closeAllConnections();
    await promise;
  }

  async comeBack(): Promise<void> {
    this.server = this.newServer();
    await this.listen();
  }

  async close(): Promise<void> {
    if (this.server.listening) await this.goAway();
  }

  private newServer(): Server {
    const { tls } = this.options;
    const listen = (request: IncomingMessage, response: ServerResponse): void => {
      this.serve(request, response).catch(() => response.destroy());
    };
    const common = { keepAliveTimeout: 60_000, noDelay: true };
    const server = tls ? createTlsServer({ ...common, ...tls, rejectUnauthorized: true }, listen) : createServer(common, listen);
    server.on('clientError', (_error, socket) => socket.destroy());
    return server;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/';
    if (url.startsWith('/_sim')) return handleAdmin(this, request, response);
    if (url !== '/' || request.method !== 'GET') return serveExchange(this, request, response);
    reply(response, { status: 200, body: partnerPage(this), headers: { 'content-type': 'text/plain; charset=utf-8', refresh: '2' } });
  }
}

export const startPartner = (options: PartnerOptions = {}): Promise<Partner> => new Partner(options).listen();
