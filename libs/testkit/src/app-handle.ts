import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { NodeProcess, type Exit } from './node-process.js';
import { waitFor } from './wait-for.js';

export type AppName = 'ingest' | 'dedupe' | 'deliver' | 'dlq-handler' | 'ledger' | 'console';
export const APP_NAMES: readonly AppName[] = ['ingest', 'dedupe', 'deliver', 'dlq-handler'];

const scriptOf = (app: AppName): string => fileURLToPath(new URL(`../../../apps/${app}/src/main.js`, import.meta.url));

/** One replica of one app as a real process; its ports stay the same over every restart. */
export class AppHandle {
  private process: NodeProcess | null = null;
  readonly adminUrl: string;

  constructor(
    readonly app: AppName,
    readonly replica: number,
    private readonly adminPort: number,
    private readonly launch: Readonly<{ env: Record<string, string>; logFile: string }>,
  ) {
    this.adminUrl = `http://127.0.0.1:${adminPort}`;
  }

  get name(): string {
    return `${this.app}-${this.replica}`;
  }

  get pid(): number {
    if (!this.process) throw new Error(`${this.name} was not started`);
    return this.process.pid;
  }

  get isRunning(): boolean {
    return this.process !== null && this.process.exit === null;
  }

  output(): string {
    return this.process?.output() ?? '';
  }

  start(): void {
    if (this.isRunning) throw new Error(`${this.name} runs already`);
    const { env, logFile } = this.launch;
    this.process = NodeProcess.start({
      name: this.name,
      script: scriptOf(this.app),
      env: { ...env, ADMIN_PORT: String(this.adminPort) },
      logFile,
    });
  }

  /** Until `/readyz` answers 200. An app that ends while it is awaited fails at once, with its last words. */
  async ready(withinMs = 30_000): Promise<void> {
    let seen = 'nothing';
    const look = async (): Promise<boolean> => {
      if (!this.isRunning) return true;
      const answer = await fetch(`${this.adminUrl}/readyz`, { signal: AbortSignal.timeout(2_000) });
      seen = await answer.text();
      return answer.status === 200;
    };
    await waitFor(look, { what: `${this.name} ready`, withinMs, everyMs: 50, seen: () => `${seen} · ${this.output().slice(-1_500)}` });
    if (!this.isRunning) throw new Error(`${this.name} ended while it was awaited: ${this.output().slice(-3_000)}`);
  }

  async metrics(): Promise<Metrics> {
    const answer = await fetch(`${this.adminUrl}/metrics`, { signal: AbortSignal.timeout(5_000) });
    return new Metrics(await answer.text());
  }

  async kill(): Promise<Exit> {
    return this.process!.kill();
  }

  async stop(withinMs?: number): Promise<Exit | null> {
    return (await this.process?.stop(withinMs)) ?? null;
  }

  freeze(): void {
    this.process!.signal('SIGSTOP');
  }

  thaw(): void {
    this.process!.signal('SIGCONT');
  }
}

/** A scraped `/metrics` page. */
export class Metrics {
  constructor(readonly text: string) {}

  /** The sum over all series of a name whose labels are at least these; 0 when there is none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    let sum = 0;
    for (const line of this.text.split('\n')) {
      const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (match?.[1] !== name) continue;
      const own = match[2] ?? '';
      if (Object.entries(labels).every(([label, value]) => own.includes(`${label}="${value}"`))) sum += Number(match[3]);
    }
    return sum;
  }
}

/** A port that was free a moment ago, outside what the system gives to outgoing connections for the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
