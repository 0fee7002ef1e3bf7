import { type Child } from './child.js';

const backoffFirstMs = 500;
/** With the program's own start this stays under the ten seconds that are promised. */
const backoffMaxMs = 5_000;
/** A program that ran this long was well: its next end is a new trouble. */
const steadyMs = 30_000;

/**
 * Starts a child again whenever it ends, after 0.5 s, 1 s, 2 s … at most 5 s, and says so with its last lines. `release` ends that; call it before the
 * child is stopped on purpose.
 */
export class KeptAlive {
  private backoffMs = backoffFirstMs;
  private startedAtMs = performance.now();
  private timer: NodeJS.Timeout | undefined;
  private isReleased = false;

  constructor(
    readonly child: Child,
    private readonly complain: (line: string) => void,
  ) {
    child.onEnd = (why) => this.ended(why);
  }

  /** Ends the watch, then the child. */
  async stop(): Promise<void> {
    this.isReleased = true;
    clearTimeout(this.timer);
    await this.child.stop();
  }

  /** Ends the child politely and starts it at once, for another version of its code. */
  async restart(): Promise<void> {
    this.isReleased = true;
    clearTimeout(this.timer);
    await this.child.stop();
    this.isReleased = false;
    await this.again();
  }

  private ended(why: string): void {
    if (this.isReleased) return;
    if (performance.now() - this.startedAtMs > steadyMs) this.backoffMs = backoffFirstMs;
    this.complain(`${this.child.name} ${why}; starting it again in ${this.backoffMs / 1_000} s`);
    for (const line of this.child.lastLines(5)) if (line) this.complain(`  ${this.child.name}: ${line}`);
    this.timer = setTimeout(() => void this.again(), this.backoffMs);
    this.backoffMs = Math.min(this.backoffMs * 2, backoffMaxMs);
  }

  private async again(): Promise<void> {
    this.startedAtMs = performance.now();
    try {
      await this.child.start();
      // Stopped while it was being prepared: the stop could not see it yet.
      if (this.isReleased) await this.child.stop();
    } catch (error) {
      this.ended(`could not be started (${error instanceof Error ? error.message : String(error)})`);
    }
  }
}
