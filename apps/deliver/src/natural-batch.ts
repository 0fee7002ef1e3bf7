/**
 * One call at a time; what comes meanwhile is the next batch. Low load means no waiting, high load means large batches,
 * and no timer is involved.
 */
export class NaturalBatch<T, R> {
  private queue: { item: T; resolve: (result: R) => void; reject: (error: unknown) => void }[] = [];
  private isRunning = false;

  /** `call` answers one result per item, in order. A rejection rejects the whole batch. */
  constructor(
    private readonly call: (items: readonly T[]) => Promise<readonly R[]>,
    private readonly batchMax: number,
    /** What is added until it resolves goes along. */
    private readonly gathered: (() => Promise<void>) | null = null,
  ) {}

  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.queue.push({ item, resolve, reject });
      if (!this.isRunning) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    // Without anything else, what is added in this very turn goes along.
    await this.gathered?.();
    while (this.queue.length > 0) {
      const batch = this.queue.splice(0, this.batchMax);
      try {
        const results = await this.call(batch.map(({ item }) => item));
        batch.forEach(({ resolve }, index) => resolve(results[index]!));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      if (this.gathered) await this.gathered();
    }
    this.isRunning = false;
  }
}
