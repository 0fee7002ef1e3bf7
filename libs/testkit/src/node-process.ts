import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { waitFor } from './wait-for.js';

export type NodeProcessOptions = Readonly<{
  name: string;
  /** Absolute path of the compiled file. */
  script: string;
  args?: readonly string[];
  /** Added to this process's own environment. */
  env?: Readonly<Record<string, string>>;
  /** Everything it prints also goes there, so that a failing run can be read afterwards. */
  logFile?: string;
}>;

export type Exit = Readonly<{ code: number | null; signal: NodeJS.Signals | null }>;

/** Characters of output that are kept; the rest is in the log file. */
const OUTPUT_MAX = 200_000;
const STOP_MAX_MS = 27_000;

/** A Node process under test: started, watched, frozen, killed at will, and never left behind. */
export class NodeProcess {
  private text = '';
  private over: Exit | null = null;
  private readonly child: ChildProcess;
  private readonly log: WriteStream | null;
  readonly exited: Promise<Exit>;

  private constructor(readonly options: NodeProcessOptions) {
    const { script, args = [], env = {}, logFile } = options;
    this.log = logFile === undefined ? null : createWriteStream(logFile, { flags: 'a' });
    this.child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', script, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', (chunk: Buffer) => this.keep(chunk));
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        this.over = { code, signal };
        this.log?.end();
        resolve(this.over);
      });
    });
  }

  static start(options: NodeProcessOptions): NodeProcess {
    return new NodeProcess(options);
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Null while it runs. */
  get exit(): Exit | null {
    return this.over;
  }

  /** The last part of what it printed. */
  output(): string {
    return this.text;
  }

  /** The first match in what it printed; an early exit fails at once, with its last words. */
  async waitForOutput(pattern: RegExp, withinMs = 20_000): Promise<RegExpExecArray> {
    return waitFor(() => this.find(pattern), {
      what: `${this.options.name} printing ${String(pattern)}`,
      withinMs,
      everyMs: 20,
      seen: () => this.text.slice(-2_000),
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** `kill -9`: no goodbye, nothing flushed. Resolves when the process is gone. */
  async kill(): Promise<Exit> {
    this.child.kill('SIGKILL');
    return this.exited;
  }

  /** SIGTERM, and SIGKILL when that was not enough. */
  async stop(withinMs = STOP_MAX_MS): Promise<Exit> {
    if (this.over) return this.over;
    this.child.kill('SIGCONT');
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), withinMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  private find(pattern: RegExp): RegExpExecArray | null {
    const found = pattern.exec(this.text);
    if (!found && this.over)
      throw new Error(`${this.options.name} ended (${this.over.code ?? this.over.signal}): ${this.text.slice(-2_000)}`);
    return found;
  }

  private keep(chunk: Buffer): void {
    this.log?.write(chunk);
    this.text += chunk.toString();
    if (this.text.length > OUTPUT_MAX) this.text = this.text.slice(-OUTPUT_MAX / 2);
  }
}
