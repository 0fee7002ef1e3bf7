import type { Holding, Told, Valve } from '#libs/delivery/src/index.js';

/** Limits are of requests: where one takes many events, it pays when it goes, not they at the gate. */
export function countedBy(
  limits: readonly Valve[],
  batch: Readonly<{ maxEvents: number }> | null,
): Readonly<{ valves: readonly Valve[]; requests: RequestLimits | null }> {
  const requests = batch && new RequestLimits(limits, batch.maxEvents);
  return { valves: requests?.valves ?? limits, requests };
}

/**
 * The limits of a destination that is sent bulk requests. They count requests, and its gate counts events: so the gate is told how
 * many events fit into as many requests, and what one request costs is taken by whoever sends it, when it does.
 *
 * While a request waits for its cost, the gate lets in what one more request holds: others would only wait inside.
 */
export class RequestLimits {
  /** For the gate. Closing them closes the limits. */
  readonly valves: readonly Valve[];
  private underWay = 0;
  private isShort = false;
  private toSend: () => void = () => {};
  private toEnter: () => void = () => {};

  constructor(
    private readonly limits: readonly Valve[],
    private readonly maxEvents: number,
  ) {
    this.valves = limits.map((limit) => this.inEvents(limit));
    for (const limit of limits)
      limit.changed(() => {
        this.toSend();
        this.toEnter();
      });
  }

  /** Called when a request that could not begin might begin now. */
  changed(listener: () => void): void {
    this.toSend = listener;
  }

  /** Takes what one request costs. False: it may not be sent now. */
  begin(): boolean {
    const wasShort = this.isShort;
    this.isShort = !this.takes();
    if (this.isShort) return false;
    this.underWay++;
    if (wasShort) this.toEnter();
    return true;
  }

  end(): void {
    this.underWay--;
  }

  /** As the gate does: every limit first, and costs last. */
  private takes(): boolean {
    for (const limit of this.limits) if (this.underWay >= limit.limit()) return false;
    for (const limit of this.limits) if (!limit.take()) return false;
    return true;
  }

  private inEvents(valve: Valve): Valve {
    return {
      limit: () => Math.min(valve.limit(), this.isShort ? this.underWay + 1 : Infinity) * this.maxEvents,
      take: () => true,
      told: (outcome: Told) => valve.told(outcome),
      holding: (): Holding | null => valve.holding(),
      changed: (listener) => void (this.toEnter = listener),
      close: () => valve.close(),
    };
  }
}
