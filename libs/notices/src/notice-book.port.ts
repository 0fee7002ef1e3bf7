export type NoticeState = 'raised' | 'resolved';
/**
 * When a ticket that stands is told of again: after `firstMs`, twice that, … `maxMs`. With a `step`: once it is beyond the step that
 * was sent, and `firstMs` after it at the soonest.
 */
export type UpdateTimes = Readonly<{ firstMs: number; maxMs: number; step?: number }>;

/**
 * Which tickets stand, for all replicas. Rejects when it cannot be reached. What it holds may be lost: then a ticket that stands is
 * raised anew, and one that was over is never resolved.
 */
export interface NoticeBook {
  /** `send`: it is mine to send, for `leaseMs`. `nothing`: it is said already. `wait`: another is at it, or an update is not due. */
  claim(key: string, state: NoticeState, leaseMs: number, updates: UpdateTimes): Promise<'send' | 'nothing' | 'wait'>;
  /** It was sent. */
  sent(key: string, state: NoticeState, step?: number): Promise<void>;
}
