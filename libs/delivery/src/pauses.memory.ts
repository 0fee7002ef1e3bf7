import type { Pause, Pauses } from './pauses.port.js';

/** Pauses in one process: for tests. */
export class MemoryPauses implements Pauses {
  private readonly paused = new Map<string, Pause>();
  isReachable = true;

  async pause(destination: string, pause: Pause): Promise<boolean> {
    if (this.paused.has(destination)) return false;
    this.paused.set(destination, pause);
    return true;
  }

  async resume(destination: string): Promise<boolean> {
    return this.paused.delete(destination);
  }

  async all(): Promise<ReadonlyMap<string, Pause>> {
    if (!this.isReachable) throw new Error('unreachable');
    return new Map(this.paused);
  }
}
