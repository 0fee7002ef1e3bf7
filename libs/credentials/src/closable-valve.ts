import type { Holding, Valve } from '#libs/delivery/src/index.js';

/** A valve over a state that somebody else keeps. */
export class ClosableValve implements Valve {
  private listener: () => void = () => {};
  private closedSinceMs: number | null = null;

  constructor(
    private readonly state: Readonly<{
      limit(): number;
      /** Asked only while the limit is 0. */
      why(): Readonly<{ sinceMs: number | null; untilMs: number | null; detail: string }>;
      nowMs(): number;
      close(): Promise<void>;
    }>,
  ) {}

  limit(): number {
    return this.state.limit();
  }

  take(): boolean {
    return true;
  }

  /** Nothing is learned here: the sender tells, which knows what a request carried. */
  told(): void {}

  holding(): Holding | null {
    if (this.state.limit() > 0) return null;
    const { sinceMs, untilMs, detail } = this.state.why();
    this.closedSinceMs ??= this.state.nowMs();
    return { reason: 'auth', sinceMs: sinceMs ?? this.closedSinceMs, untilMs, detail };
  }

  changed(listener: () => void): void {
    this.listener = listener;
  }

  /** The limit may be another now. */
  tell(): void {
    if (this.state.limit() > 0) this.closedSinceMs = null;
    else this.closedSinceMs ??= this.state.nowMs();
    this.listener();
  }

  close(): Promise<void> {
    return this.state.close();
  }
}
