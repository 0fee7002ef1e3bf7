import type { HoldfastEvent } from '#libs/domain/src/index.js';

/**
 * The event that stands for one too large for the log (rule 8): the same but for its body, of which size and digest remain.
 * The body itself stays where `origin` says. `hash` is the door's digest of a text; the bytes are given as base64.
 */
export function withoutBody(event: HoldfastEvent, hash: (text: string) => string): HoldfastEvent {
  const digest = hash(event.data.toString('base64'));
  const message = `The event's body of ${event.data.length} bytes does not fit into one record of the event log. Raise topics.messageMaxBytes, or send a smaller body.`;
  return {
    ...event,
    data: Buffer.alloc(0),
    attributes: { size: String(event.data.length), digest },
    idempotencykey: hash(JSON.stringify(['too-large', event.source, event.id])),
    faults: [{ pointer: '', code: 'too-large', message }],
  };
}
