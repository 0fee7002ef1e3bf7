/** Where replicas tell each other that a partner asks to be left alone. */
export interface HoldBoard {
  /** From now on; the longer of two holds stands. Errors: StoreUnavailableError. */
  hold(destination: string, forMs: number): Promise<void>;
  /** What is left of each, in ms. Errors: StoreUnavailableError. */
  holds(): Promise<ReadonlyMap<string, number>>;
}
