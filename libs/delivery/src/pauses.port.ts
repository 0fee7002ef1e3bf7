/** Since when, by whom and why an operator has paused a destination. */
export type Pause = Readonly<{ sinceMs: number; by: string; reason: string }>;

/**
 * Which destinations operators have paused, for all replicas, until somebody resumes them. Who may ask for it, and the record of it in
 * `hf.commands`, are the caller's. Errors: StoreUnavailableError, when nothing is known of the call.
 */
export interface Pauses {
  /** The first pause stands: false when it was paused already. */
  pause(destination: string, pause: Pause): Promise<boolean>;
  /** False: it was not paused. */
  resume(destination: string): Promise<boolean>;
  all(): Promise<ReadonlyMap<string, Pause>>;
}
