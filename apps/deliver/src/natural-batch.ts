type Answer<R> = Readonly<{ resolve: (result: R) => void; reject: (error: unknown) => void }>;

/**
 * One call at a time; what comes meanwhile is the next batch. Low load means no waiting, high load means large batches,
 * and no timer is involved.
 */
export class NaturalBatch<T, R> {
  private items: T[] = [];
  /** Beside the items; null: nobody waits for it. */
  private answers: (Answer<R> | null)[] = [];
  private isRunning = false;

  /** `call` answers one result per item, in order. A rejection rejects the whole batch. */
  constructor(
    private readonly call: (items: readonly T[]) => Promise<readonly R[]>,
    private readonly batchMax: number,
    /** What is added until it resolves goes along. */
    private readonly gathered: (() => Promise<void>) | null = null,
  ) {}

  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => this.push(item, { resolve, reject }));
  }

  /** The same, for whom the result is all one. */
  put(item: T): void {
    this.push(item, null);
  }

  private push(item: T, answer: Answer<R> | null): void {
    this.items.push(item);
    this.answers.push(answer);
    if (!this.isRunning) void this.run();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    // Without anything else, what is added in this very turn goes along.
    await this.gathered?.();
    while (this.items.length > 0) {
      const items = this.items.splice(0, this.batchMax);
      const answers = this.answers.splice(0, this.batchMax);
      try {
        const results = await this.call(items);
        for (const [index, answer] of answers.entries()) answer?.resolve(results[index]!);
      } catch (error) {
        for (const answer of answers) answer?.reject(error);
      }
      if (this.gathered) await this.gathered();
    }
    this.isRunning = false;
  }
}
