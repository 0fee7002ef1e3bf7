import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { adminPortBase, apps, type AppEntry } from '../apps.js';
import { serviceNames } from '../stack/addresses.js';
import { endSurvivor, type Child } from '../stack/child.js';
import { KeptAlive } from '../stack/kept-alive.js';
import { localStack } from '../stack/local-stack.js';
import { anotherPort, portFrom, requireFreePort } from '../stack/ports.js';
import { StackError } from '../stack/stack-error.js';
import { adminPort, appChild, partnerChild, type AppSettings } from './app-children.js';
import { runCli } from './cli.js';
import { chosenConfiguration } from './configuration.js';
import { takeDataFolder } from './data-folder.js';
import { type Output } from './output.js';

const lackingEveryMs = 15_000;
const probeEveryMs = 150;

export interface SupervisorOptions {
  /** The repository's folder. */
  root: string;
  dataFolder: string;
  env: NodeJS.ProcessEnv;
  output: Output;
  /** One of the lines that `npm start` promises. */
  print(line: string): void;
  /** Progress. */
  say(line: string): void;
  /** Trouble that is being mended. */
  complain(line: string): void;
}

/** Everything that `npm start` runs, from the first service to the last app, and its end in the opposite order. */
export class Supervisor {
  private readonly closers: (() => Promise<void>)[] = [];
  private apps: KeptAlive[] = [];

  constructor(private readonly options: SupervisorOptions) {}

  /**
   * 1 configuration · 2 ports · 3 services · 4 topics and schemas · 5 apps · 6 ready.
   * @throws StackError that says what to mend; `stop` then ends what had been started.
   */
  async start(): Promise<void> {
    const { env, root, dataFolder, print } = this.options;
    this.closers.push(await takeDataFolder(dataFolder));
    const configuration = chosenConfiguration(env, root);
    await runCli(root, ['check', configuration.path], {});
    const settings = this.settings(configuration.path);
    const partner = configuration.partnerPort === undefined ? undefined : partnerChild(configuration.partnerPort, settings);
    const children = apps.map((app) => appChild(app, settings));
    await Promise.all([...children, ...(partner ? [partner] : [])].map((child) => endSurvivor(child.spec)));
    await this.requireAppPorts(configuration.partnerPort);

    const stack = await localStack(this.options);
    this.closers.push(() => stack.stop());
    await stack.start();
    Object.assign(settings.shared, stack.environment);
    for (const name of serviceNames) print(`${name} ${withoutPassword(stack.addresses[name])}`);
    await runCli(root, ['schemas', 'register'], settings.shared);
    await runCli(root, ['topics', 'apply'], settings.shared);

    await this.startApps(partner ? [partner, ...children] : children);
    for (const app of apps) this.printPublicUrl(app);
    print('holdfast is ready');
  }

  /** Apps first, and among them the ones that take from outside; then the services; bounded by each child's own bound. */
  async stop(): Promise<void> {
    await Promise.all(this.apps.map((app) => app.stop()));
    for (const close of this.closers.reverse()) await close();
  }

  /** For `npm run dev`: the same services, new code. */
  async restartApps(): Promise<void> {
    await Promise.all(this.apps.map((app) => app.restart()));
    await Promise.all(this.apps.map((app) => this.untilReady(app.child)));
  }

  private settings(configuration: string): AppSettings {
    const { root, dataFolder, env, output } = this.options;
    const shared: Record<string, string> = { HOLDFAST_CONFIG: configuration, HOLDFAST_DATA: dataFolder };
    for (const { publicPort } of apps) {
      if (publicPort) shared[publicPort.variable] = String(portFrom(env, publicPort.variable, publicPort.fallback));
    }
    return { dist: join(root, 'dist'), dataFolder, env, output, shared };
  }

  private async requireAppPorts(partnerPort: number | undefined): Promise<void> {
    const { env } = this.options;
    for (const app of apps) {
      await requireFreePort(adminPort(app, env), `${app.name}'s admin door`, anotherPort(adminPortBase.variable));
      if (app.publicPort) {
        const { variable, fallback } = app.publicPort;
        await requireFreePort(portFrom(env, variable, fallback), app.name, anotherPort(variable));
      }
    }
    if (partnerPort === undefined) return;
    await requireFreePort(partnerPort, 'the partner simulator of the demo', "give the demo's destination in holdfast.yaml another one");
  }

  private async startApps(children: Child[]): Promise<void> {
    this.apps = children.map((child) => new KeptAlive(child, this.options.complain));
    await Promise.all(children.map((child) => child.start()));
    await Promise.all(children.map((child) => this.untilReady(child)));
  }

  /** Says again and again what an app lacks, and gives up after the app's bound. */
  private async untilReady({ name, spec }: Child): Promise<void> {
    const startedAtMs = performance.now();
    let sayAtMs = startedAtMs + lackingEveryMs;
    for (;;) {
      const lacking = await spec.probe?.().then(
        () => undefined,
        (error: Error) => (error.cause instanceof Error ? `it does not answer (${error.cause.message})` : error.message),
      );
      if (lacking === undefined) return this.options.say(`${name} is ready`);
      const nowMs = performance.now();
      if (nowMs - startedAtMs > spec.readyMaxMs) {
        throw new StackError(`${name} was not ready after ${spec.readyMaxMs / 1_000} s: ${lacking}`);
      }
      if (nowMs > sayAtMs) {
        this.options.complain(`${name} is not ready yet: ${lacking}`);
        sayAtMs = nowMs + lackingEveryMs;
      }
      await sleep(probeEveryMs);
    }
  }

  private printPublicUrl({ name, publicPort }: AppEntry): void {
    if (!publicPort) return;
    const port = portFrom(this.options.env, publicPort.variable, publicPort.fallback);
    this.options.print(`${name} http://127.0.0.1:${port}`);
  }
}

/** A given address may carry a password, and what is printed ends in logs. */
function withoutPassword(address: string): string {
  return address.replace(/(:\/\/[^:@/]*):[^@/]*@/, '$1:***@');
}
