import { HoldValve, type Holding, type Told, type Valve } from '#libs/delivery/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import type { Calendar } from './calendar.port.js';

/**
 * Shut in a partner's maintenance windows and quiet hours. The calendar is asked when one begins or ends; in between the clock is
 * compared with one number.
 */
export class MaintenanceValve implements Valve {
  private readonly held: HoldValve;
  private sinceMs = 0;
  /** The calendar is asked again from then on. */
  private askFromMs = -Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly calendar: Calendar,
  ) {
    this.held = new HoldValve(clock, 'maintenance');
  }

  limit(): number {
    this.look();
    return this.held.limit();
  }

  take(): boolean {
    return true;
  }

  told(_outcome: Told): void {}

  holding(): Holding | null {
    this.look();
    const holding = this.held.holding();
    // As the calendar has it, also where this process came later.
    return holding && { ...holding, sinceMs: this.sinceMs };
  }

  /** Whoever listens asks for the limit, and so looks whether another window follows at once. */
  changed(listener: () => void): void {
    this.held.changed(listener);
  }

  close(): Promise<void> {
    return this.held.close();
  }

  private look(): void {
    const nowMs = this.clock.nowMs();
    if (nowMs < this.askFromMs) return;
    const closed = this.calendar.closedAt(nowMs);
    this.askFromMs = closed?.untilMs ?? this.calendar.nextAfter(nowMs) ?? Infinity;
    if (!closed) return;
    this.sinceMs = closed.sinceMs;
    this.held.hold(closed.untilMs, closed.detail);
  }
}
