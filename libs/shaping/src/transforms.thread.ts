import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Transformed, TransformJob, Transforms } from './transform.port.js';
import type { ThreadAnswer, ThreadJob } from './transform.thread.js';

export type ThreadOptions = Readonly<{
  threadsMax?: number;
  /** A thread that grows beyond it is ended, and its job has failed. */
  memoryMaxMb?: number;
  /** After a thread that could not be started. */
  backoffMs?: number;
}>;

type Waiting = { readonly job: TransformJob; readonly tell: (done: Transformed) => void; isSecondTry: boolean };

const program = new URL('./transform.thread.js', import.meta.url);
const memoryMaxMbDefault = 128;
const backoffMsDefault = 1_000;

/**
 * A few threads, made when they are needed, one job each at a time: what runs too long or grows too large is ended with its
 * thread, and takes nobody along.
 *
 * | a job is | entered by                         | left by                                                     |
 * | -------- | ---------------------------------- | ----------------------------------------------------------- |
 * | waiting  | `run`; its first timeout           | its group's turn, when a thread is free                     |
 * | running  | a free thread                      | an answer; the end of the thread; `timeoutMs`, twice at most |
 *
 * Groups take turns, and while there are two threads or more one group never has them all. A timeout is believed the second
 * time only: a machine that stood still for a moment must not turn a good event into a dead letter.
 */
export class ThreadTransforms implements Transforms {
  /** By group, in the order of their turns. */
  private readonly queues = new Map<string, Waiting[]>();
  private readonly threads = new Set<Thread>();
  private readonly threadsMax: number;
  private isClosed = false;
  private retrying: NodeJS.Timeout | null = null;

  constructor(private readonly options: ThreadOptions = {}) {
    this.threadsMax = options.threadsMax ?? Math.min(4, Math.max(2, availableParallelism()));
  }

  run(job: TransformJob): Promise<Transformed> {
    const { path, inputMaxBytes } = job.script;
    if (job.data.length > inputMaxBytes) {
      const error = `the data has ${job.data.length} bytes, over the ${inputMaxBytes} that ${path} takes`;
      return Promise.resolve({ ok: false, code: 'transform-input-too-large', error });
    }
    return new Promise((tell) => {
      this.enqueue({ job, tell, isSecondTry: false });
      this.pump();
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    if (this.retrying) clearTimeout(this.retrying);
    this.queues.clear();
    await Promise.all([...this.threads].map((thread) => thread.end()));
  }

  private enqueue(waiting: Waiting): void {
    const { group } = waiting.job;
    const queue = this.queues.get(group);
    if (queue) queue.push(waiting);
    else this.queues.set(group, [waiting]);
  }

  private pump(): void {
    for (let next = this.turn(); next; next = this.turn()) {
      const thread = this.free();
      if (!thread) return;
      this.take(next);
      thread.run(next);
    }
  }

  /** Whose turn it is: the first group that does not have its share of the threads already. */
  private turn(): Waiting | null {
    for (const [group, [first]] of this.queues) {
      const running = [...this.threads].filter((thread) => thread.group() === group).length;
      if (first && running < Math.max(1, this.threadsMax - 1)) return first;
    }
    return null;
  }

  private take({ job: { group } }: Waiting): void {
    const queue = this.queues.get(group)!;
    queue.shift();
    this.queues.delete(group);
    // Behind the others.
    if (queue.length > 0) this.queues.set(group, queue);
  }

  private free(): Thread | null {
    for (const thread of this.threads) if (thread.isFree()) return thread;
    if (this.isClosed || this.retrying || this.threads.size >= this.threadsMax) return null;
    this.threads.add(
      new Thread(this.options.memoryMaxMb ?? memoryMaxMbDefault, {
        freed: () => this.pump(),
        gone: (thread, hadStarted) => this.gone(thread, hadStarted),
      }),
    );
    return null;
  }

  private gone(thread: Thread, hadStarted: boolean): void {
    this.threads.delete(thread);
    if (this.isClosed) return;
    if (thread.waiting) this.afterEnd(thread.waiting, thread.wasTooSlow);
    if (hadStarted) return this.pump();
    // A thread that cannot start says nothing about any job: they wait.
    this.retrying ??= setTimeout(() => {
      this.retrying = null;
      this.pump();
    }, this.options.backoffMs ?? backoffMsDefault).unref();
  }

  private afterEnd(waiting: Waiting, wasTooSlow: boolean): void {
    const { path, timeoutMs } = waiting.job.script;
    if (!wasTooSlow)
      return waiting.tell({ ok: false, code: 'transform-failed', error: `${path} ended its thread: out of memory, or an exit` });
    if (waiting.isSecondTry)
      return waiting.tell({ ok: false, code: 'transform-timeout', error: `${path} took longer than ${timeoutMs} ms, twice` });
    waiting.isSecondTry = true;
    this.enqueue(waiting);
  }
}

type Owner = Readonly<{ freed(): void; gone(thread: Thread, hadStarted: boolean): void }>;

class Thread {
  waiting: Waiting | null = null;
  wasTooSlow = false;
  private isReady = false;
  private timer: NodeJS.Timeout | null = null;
  private readonly worker: Worker;

  constructor(
    memoryMaxMb: number,
    private readonly owner: Owner,
  ) {
    this.worker = new Worker(program, {
      // Nothing of ours is a transform's to see.
      env: {},
      argv: [],
      resourceLimits: { maxOldGenerationSizeMb: memoryMaxMb, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
    });
    this.worker.unref();
    this.worker.on('message', (message: 'ready' | ThreadAnswer) => this.hear(message));
    this.worker.on('error', () => {});
    this.worker.on('exit', () => this.ended());
  }

  isFree(): boolean {
    return this.isReady && this.waiting === null;
  }

  group(): string | null {
    return this.waiting?.job.group ?? null;
  }

  run(waiting: Waiting): void {
    const { script, data, event } = waiting.job;
    this.waiting = waiting;
    this.timer = setTimeout(() => {
      this.wasTooSlow = true;
      void this.worker.terminate();
    }, script.timeoutMs);
    const job: ThreadJob = { script, data, event };
    this.worker.postMessage(job);
  }

  async end(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    await this.worker.terminate();
  }

  private hear(message: 'ready' | ThreadAnswer): void {
    if (message === 'ready') {
      this.isReady = true;
    } else {
      const { waiting } = this;
      if (this.timer) clearTimeout(this.timer);
      // An answer that came while the thread was being ended is an answer all the same.
      this.waiting = null;
      this.isReady = !this.wasTooSlow;
      waiting?.tell('body' in message ? { ok: true, body: Buffer.from(message.body) } : { ok: false, ...message });
    }
    this.owner.freed();
  }

  private ended(): void {
    if (this.timer) clearTimeout(this.timer);
    const hadStarted = this.isReady || this.wasTooSlow || this.waiting !== null;
    this.isReady = false;
    this.owner.gone(this, hadStarted);
  }
}
