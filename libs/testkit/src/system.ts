import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { stringify } from 'yaml';
import { topicNames, type TopicNames } from '#libs/domain/src/index.js';
import { APP_NAMES, AppHandle, freePort, type AppName } from './app-handle.js';
import { servicesEnvironment, type Services } from './services.js';
import { SHOP_SECRET } from './test-configuration.js';

export type SystemOptions = Readonly<{
  services: Services;
  /** The configuration as an object; it gets the prefix that all topics, groups and Redis keys of this run begin with. */
  configuration: (prefix: string) => Record<string, unknown>;
  apps?: readonly AppName[];
  /** Default 1 each. */
  replicas?: Partial<Readonly<Record<AppName, number>>>;
  /** Topics of producers, made before the apps start. */
  sourceTopics?: (prefix: string) => readonly string[];
  partitions?: number;
  /** Files under `secrets/` beside the configuration, by name. */
  secrets?: Readonly<Record<string, string>>;
  /** Added to each app's environment. */
  env?: Readonly<Record<string, string>>;
}>;

export type Ran = Readonly<{ code: number; stdout: string; stderr: string }>;

const CLI = fileURLToPath(new URL('../../../../tools/holdfast.mjs', import.meta.url));
const CLI_MAX_MS = 60_000;

/**
 * Holdfast as it runs: the apps as real processes on free ports, on the real services, under a random prefix and in a database of
 * their own. `stop` ends every process and removes what was made; the folder with the logs stays when `KEEP_LOGS` is set.
 */
export class System {
  readonly names: TopicNames;
  readonly handles: AppHandle[] = [];
  ingestUrl = '';
  consoleUrl = '';

  private constructor(
    private readonly options: SystemOptions,
    readonly prefix: string,
    readonly folder: string,
    readonly services: Services,
  ) {
    this.names = topicNames(prefix);
  }

  static async start(options: SystemOptions): Promise<System> {
    const prefix = `t${randomBytes(4).toString('hex')}.`;
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-system-'));
    const database = prefix.replace('.', '');
    await onDatabase(options.services.databaseUrl, `CREATE DATABASE ${database}`);
    const url = new URL(options.services.databaseUrl);
    url.pathname = `/${database}`;
    const system = new System(options, prefix, folder, { ...options.services, databaseUrl: url.toString() });
    try {
      await system.prepare();
      await system.launch();
    } catch (error) {
      await system.stop();
      throw error;
    }
    return system;
  }

  app(name: AppName, replica = 0): AppHandle {
    const handle = this.handles.find((each) => each.app === name && each.replica === replica);
    if (!handle) throw new RangeError(`no ${name}-${replica} in this system`);
    return handle;
  }

  /** Runs the CLI as an operator would. It never throws for an exit code. */
  holdfast(...args: string[]): Promise<Ran> {
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [CLI, ...args],
        { env: { ...process.env, ...this.environment(), CONSOLE_URL: this.consoleUrl }, timeout: CLI_MAX_MS, maxBuffer: 64 * 1024 * 1024 },
        (error, stdout, stderr) => resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr }),
      );
    });
  }

  environment(): Record<string, string> {
    return { ...servicesEnvironment(this.services), HOLDFAST_CONFIG: join(this.folder, 'holdfast.yaml'), ...this.options.env };
  }

  async stop(): Promise<void> {
    await Promise.all(this.handles.map((handle) => handle.stop()));
    await removeTopics(this.services.brokers, this.prefix).catch(() => {});
    await onDatabase(this.options.services.databaseUrl, `DROP DATABASE IF EXISTS ${this.prefix.replace('.', '')} WITH (FORCE)`).catch(
      () => {},
    );
    if (process.env['KEEP_LOGS']) process.stderr.write(`logs of ${this.prefix} are in ${this.folder}\n`);
    else rmSync(this.folder, { recursive: true, force: true });
  }

  private async prepare(): Promise<void> {
    mkdirSync(join(this.folder, 'secrets'));
    writeFileSync(join(this.folder, 'secrets', 'shop'), `${SHOP_SECRET}\n`, { mode: 0o600 });
    for (const [name, secret] of Object.entries(this.options.secrets ?? {}))
      writeFileSync(join(this.folder, 'secrets', name), `${secret}\n`, { mode: 0o600 });
    writeFileSync(join(this.folder, 'holdfast.yaml'), stringify(this.options.configuration(this.prefix)));
    await makeTopics(this.services.brokers, this.options.sourceTopics?.(this.prefix) ?? [], this.options.partitions ?? 4);
    for (const command of [
      ['check', join(this.folder, 'holdfast.yaml')],
      ['schemas', 'register'],
      ['topics', 'apply'],
    ]) {
      const { code, stdout, stderr } = await this.holdfast(...command);
      if (code !== 0) throw new Error(`holdfast ${command.join(' ')} ended with ${code}: ${stdout}${stderr}`);
    }
  }

  private async launch(): Promise<void> {
    const ingestPort = await freePort();
    this.ingestUrl = `http://127.0.0.1:${ingestPort}`;
    const consolePort = await freePort();
    this.consoleUrl = `http://127.0.0.1:${consolePort}`;
    for (const app of this.options.apps ?? APP_NAMES) {
      for (let replica = 0; replica < (this.options.replicas?.[app] ?? 1); replica++) {
        const env = { ...this.environment(), INGEST_PORT: String(ingestPort), CONSOLE_PORT: String(consolePort) };
        const logFile = join(this.folder, `${app}-${replica}.log`);
        this.handles.push(new AppHandle(app, replica, await freePort(), { env, logFile }));
      }
    }
    for (const handle of this.handles) handle.start();
    await Promise.all(this.handles.map((handle) => handle.ready(60_000)));
  }
}

async function onDatabase(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function withAdmin<T>(brokers: readonly string[], work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
  const admin = new Kafka({ clientId: 'testkit-admin', brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { retries: 5 } }).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

async function makeTopics(brokers: readonly string[], topics: readonly string[], numPartitions: number): Promise<void> {
  if (topics.length === 0) return;
  await withAdmin(brokers, (admin) =>
    admin.createTopics({ topics: topics.map((topic) => ({ topic, numPartitions, replicationFactor: 1 })), waitForLeaders: true }),
  );
}

async function removeTopics(brokers: readonly string[], prefix: string): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.includes(prefix));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  });
}
