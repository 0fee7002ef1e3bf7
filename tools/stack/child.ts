import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcessGroup, removePidFile, signalGroup, survivor, writePidFile } from './pid-file.js';
import { unwatch, watch } from './reaper.js';
import { StackError } from './stack-error.js';

export interface ChildCommand {
  file: string;
  args: readonly string[];
  env?: Record<string, string | undefined>;
  cwd?: string;
}

export interface ChildSpec {
  name: string;
  /** Run before every start: makes what the program needs on disk. Must be harmless when it is there already. */
  prepare?(): Promise<void>;
  command(): Promise<ChildCommand>;
  /** Resolves when the program can do its work; rejects while it cannot. Asked again and again, each time with a bound of its own. */
  probe?(): Promise<void>;
  /** Told of every end, before anybody else is; null when a signal ended it. */
  ended?(exitCode: number | null): Promise<void>;
  /** The polite signal, and how long it may take before SIGKILL follows. */
  stopSignal: NodeJS.Signals;
  stopMaxMs: number;
  readyMaxMs: number;
  pidFile: string;
  /** Part of the command line, unique to this data folder. */
  marker: string;
  output(chunk: Buffer, stream: 'stdout' | 'stderr'): void;
}

const tailBytesMax = 4_096;
const probeEveryMs = 100;

/** One program that we start, watch and end, in a process group of its own, so that a Ctrl-C in the terminal reaches only us. */
export class Child {
  private process: ChildProcess | undefined;
  private ended: Promise<void> = Promise.resolve();
  private tail = '';
  /** Set by a stop that comes while the start still prepares, when there is no process to end yet. */
  private isStopped = false;
  /** Told of every end, wanted or not. */
  onEnd: (why: string) => void = () => undefined;

  constructor(readonly spec: ChildSpec) {}

  get name(): string {
    return this.spec.name;
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** The last lines that the program printed. */
  lastLines(count: number): string[] {
    return this.tail.trimEnd().split('\n').slice(-count);
  }

  /** Ends what an earlier supervisor left behind, then starts. @throws when the program cannot be started at all. */
  async start(): Promise<void> {
    if (this.process) return;
    this.isStopped = false;
    await endSurvivor(this.spec);
    await this.spec.prepare?.();
    const { file, args, env, cwd } = await this.spec.command();
    if (this.isStopped) throw new StackError(`${this.name} was stopped while it started`);
    const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.tail = '';
    child.stdout.on('data', (chunk: Buffer) => this.take(chunk, 'stdout'));
    child.stderr.on('data', (chunk: Buffer) => this.take(chunk, 'stderr'));
    this.process = child;
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => this.take(Buffer.from(`${error.message}\n`), 'stderr'));
      // 'close' and not 'exit': the last lines have been read by then.
      child.once('close', (code, signal) => {
        if (child.pid !== undefined) unwatch(child.pid);
        const tell = (): void => {
          this.process = undefined;
          resolve();
          this.onEnd(signal ? `killed by ${signal}` : `ended with ${code ?? 'an error'}`);
        };
        void (this.spec.ended?.(code) ?? Promise.resolve()).then(tell, tell);
      });
    });
    if (child.pid === undefined) return;
    watch(child.pid);
    await writePidFile(this.spec.pidFile, { pid: child.pid, marker: this.spec.marker });
  }

  /** @throws Error with the program's last lines when it ends first, or is not ready within its bound. */
  async ready(): Promise<void> {
    let last: unknown;
    for (const deadline = performance.now() + this.spec.readyMaxMs; performance.now() < deadline; await sleep(probeEveryMs)) {
      if (!this.process) throw new StackError(`${this.name} ended while it started.\n${this.lastLines(10).join('\n')}`);
      try {
        return await this.spec.probe?.();
      } catch (error) {
        last = error;
      }
    }
    const why = last instanceof Error ? last.message : String(last);
    throw new StackError(`${this.name} was not ready after ${this.spec.readyMaxMs / 1_000} s (${why}).\n${this.lastLines(10).join('\n')}`);
  }

  /** Ends the program: politely, and by force after its bound. */
  async stop(): Promise<void> {
    this.isStopped = true;
    const pid = this.process?.pid;
    if (pid !== undefined) {
      signalGroup(pid, this.spec.stopSignal);
      const force = setTimeout(() => signalGroup(pid, 'SIGKILL'), this.spec.stopMaxMs);
      await this.ended;
      clearTimeout(force);
    }
    await removePidFile(this.spec.pidFile);
  }

  /** Sends a signal and, when it is a deadly one, waits for the end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const pid = this.process?.pid;
    if (pid === undefined) return;
    signalGroup(pid, signal);
    if (signal === 'SIGKILL') await this.ended;
  }

  private take(chunk: Buffer, stream: 'stdout' | 'stderr'): void {
    this.tail = (this.tail + chunk.toString('utf8')).slice(-tailBytesMax);
    this.spec.output(chunk, stream);
  }
}

/** A program of the same data folder that outlived its supervisor is ended first: it holds the ports and the locks that we need. */
export async function endSurvivor(spec: Pick<ChildSpec, 'pidFile' | 'stopSignal' | 'stopMaxMs'>): Promise<boolean> {
  const pid = await survivor(spec.pidFile);
  if (pid === undefined) {
    await removePidFile(spec.pidFile);
    return false;
  }
  if (!(await endProcessGroup(pid, spec.stopSignal, spec.stopMaxMs))) await endProcessGroup(pid, 'SIGKILL', 5_000);
  await removePidFile(spec.pidFile);
  return true;
}
