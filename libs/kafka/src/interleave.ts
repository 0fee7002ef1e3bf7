/**
 * Where the simulator steps in. Every in-memory adapter awaits `before` ahead of a port call's effect and `after` behind it,
 * so a scheduler can delay, reorder, freeze or crash a process at each of these points. Production adapters know nothing of it.
 */
export type Interleave = Readonly<{
  before(call: string): Promise<void>;
  after(call: string): Promise<void>;
}>;

export const straightThrough: Interleave = { before: async () => {}, after: async () => {} };
