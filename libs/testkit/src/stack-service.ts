import { type ServiceName } from '../../../tools/stack/addresses.js';

/** One service of a test's own stack, to be hurt at will. */
export interface OwnService {
  readonly name: ServiceName;
  /** `HOST:PORT` for Kafka, a URL for the others. Stays the same over all restarts. */
  readonly address: string;
  /** Starts it on its old data and resolves when it answers. Does nothing when it runs. */
  start(): Promise<void>;
  /** Ends it politely; its data stays. */
  stop(): Promise<void>;
  /** SIGKILL (default) resolves when it is gone; SIGSTOP and SIGCONT freeze and thaw it. Nothing starts it again but `start`. */
  kill(signal?: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
}

/** What a way of running the services has to offer. */
export interface HurtableStack {
  services: Record<ServiceName, OwnService>;
  start(): Promise<void>;
  stop(): Promise<void>;
}
