import type { AlertName } from '#libs/config/src/index.js';

/** What a ticket is about. One stands for each at a time, whoever raises it. */
export type About = Readonly<{
  alert: AlertName;
  destination?: string;
  type?: string;
  /** Which of several of the same alert and destination; not sent. */
  group?: string;
  /** How far it has grown. With it, an update is sent when it has grown further, and at no other time. */
  step?: number;
}>;

/** What it says; put together only when it is sent. Without secrets. */
export type Said = Readonly<{
  text: string;
  count?: number;
  correlationIds: readonly string[];
  /** URL or path of what an operator is to do. */
  runbook: string;
  breaker?: 'open' | 'closed';
}>;

/**
 * Tickets for people. Synchronous, and never throws: telling somebody must not stand in the way of a delivery.
 *
 * All replicas raise and resolve what they see, as often as they like; it is sent once. A ticket that is raised again while it
 * stands is an update, sent at growing intervals. Resolving what was not raised does nothing.
 */
export interface Notices {
  raise(about: About, say: () => Promise<Said>): void;
  resolve(about: About, say: () => Promise<Said>): void;
}
