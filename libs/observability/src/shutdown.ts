import type { Logger } from './logger.js';

/**
 * The order of an orderly end. All steps of one phase run side by side; the next phase begins when all of them ended.
 *
 * | phase    | what ends here                                                          |
 * | -------- | ----------------------------------------------------------------------- |
 * | `intake` | doors and pollers: nothing new comes in                                  |
 * | `settle` | what is under way is settled, committed, and the group is left (Nest's `close`, record sources) |
 * | `close`  | clients: sinks, Redis, Postgres, pools                                   |
 */
export const phases = ['intake', 'settle', 'close'] as const;
export type Phase = (typeof phases)[number];
export type StopStep = () => Promise<unknown> | void;

export class Shutdown {
  private readonly steps: { phase: Phase; name: string; run: StopStep }[] = [];
  private readonly pending = new Set<string>();
  private ended: Promise<boolean> | null = null;

  constructor(
    private readonly logger: Pick<Logger, 'error' | 'info'>,
    private readonly maxMs: number,
  ) {}

  get stopping(): boolean {
    return this.ended !== null;
  }

  add(phase: Phase, name: string, run: StopStep): void {
    this.steps.push({ phase, name, run });
  }

  /** True when every step ended well within the bound. The second call waits for the first. */
  run(): Promise<boolean> {
    this.ended ??= this.bounded();
    return this.ended;
  }

  private async bounded(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => {
        this.logger.error({ pending: [...this.pending], shutdownMaxMs: this.maxMs }, `shutdown hung in: ${[...this.pending].join(', ')}`);
        resolve(false);
      }, this.maxMs);
    });
    try {
      return await Promise.race([this.inOrder(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private async inOrder(): Promise<boolean> {
    let isClean = true;
    for (const phase of phases) {
      const results = await Promise.all(this.steps.filter((step) => step.phase === phase).map((step) => this.one(step)));
      isClean = isClean && results.every(Boolean);
    }
    return isClean;
  }

  private async one({ phase, name, run }: { phase: Phase; name: string; run: StopStep }): Promise<boolean> {
    const label = `${phase} (${name})`;
    this.pending.add(label);
    try {
      await run();
      return true;
    } catch (err) {
      this.logger.error({ err, phase, step: name }, 'a shutdown step failed; the others go on');
      return false;
    } finally {
      this.pending.delete(label);
    }
  }
}
