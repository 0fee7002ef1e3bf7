import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Gauge, Registry } from 'prom-client';
import type { Readiness } from './readiness.js';
import { redactText } from './redact.js';

export type AdminChoices = Readonly<{
  readiness: Readiness;
  metrics: { readonly registry: Registry; readonly ready: Gauge<'check'> };
  /** 0 takes a free port (tests). */
  port: number;
}>;

/**
 * An app's own door for supervisors and Prometheus: `/livez`, `/readyz`, `/metrics`. Node's own server, so that it answers
 * while Nest is still starting or already closing.
 *
 * Errors   `listen` rejects with a sentence that names the variable to change when the port is taken.
 */
export class AdminServer {
  private readonly server: Server;

  constructor(private readonly choices: AdminChoices) {
    this.server = createServer((request, response) => void this.answer(request.url ?? '/', response));
    this.server.requestTimeout = 5_000;
    this.server.headersTimeout = 5_000;
    this.server.maxConnections = 64;
  }

  async listen(): Promise<number> {
    const { port } = this.choices;
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', (cause: NodeJS.ErrnoException) => {
        const what =
          cause.code === 'EADDRINUSE' ? 'is in use; set ADMIN_PORT (or ADMIN_PORT_BASE) to a free one' : `cannot be opened (${cause.code})`;
        reject(new Error(`admin port ${port} ${what}`, { cause }));
      });
      this.server.listen(port, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async answer(url: string, response: ServerResponse): Promise<void> {
    try {
      switch (url.replace(/\?.*$/s, '')) {
        case '/livez':
          return send(response, 200, 'application/json', '{"live":true}');
        case '/readyz':
          return await this.readyz(response);
        case '/metrics':
          return await this.metrics(response);
        default:
          return send(
            response,
            404,
            'application/problem+json',
            JSON.stringify({ title: 'Not found', status: 404, detail: 'Here are /livez, /readyz and /metrics.' }),
          );
      }
    } catch (error) {
      send(response, 500, 'application/problem+json', JSON.stringify({ title: 'Admin failed', status: 500, detail: String(error) }));
    }
  }

  private async readyz(response: ServerResponse): Promise<void> {
    const report = await this.choices.readiness.report();
    const missing = Object.entries(report.checks).flatMap(([check, result]) =>
      result.ok ? [] : [{ check, missing: redactText(result.missing), mend: result.mend }],
    );
    const checks = Object.fromEntries(Object.entries(report.checks).map(([name, result]) => [name, result.ok ? 'ok' : 'missing']));
    send(response, report.ready ? 200 : 503, 'application/json', JSON.stringify({ ready: report.ready, app: report.app, checks, missing }));
  }

  private async metrics(response: ServerResponse): Promise<void> {
    const { registry, ready } = this.choices.metrics;
    const report = await this.choices.readiness.report();
    for (const [check, result] of Object.entries(report.checks)) ready.set({ check }, result.ok ? 1 : 0);
    send(response, 200, registry.contentType, await registry.metrics());
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
