import { z } from 'zod';
import type { RedisConnection } from '#libs/identity/src/identity.module.js';
import type { Pause, Pauses } from './pauses.port.js';

/**
 * Pauses on Redis: one hash, so that a replica reads all of them with one call.
 *
 *   <prefix>{pauses}   destination → JSON {sinceMs, by, reason}; no TTL
 *
 * Lost (FLUSHALL, or a Redis without persistence that restarts): nobody is paused any more. `hf.commands` tells who had been.
 */
export class RedisPauses implements Pauses {
  private readonly key: string;

  constructor(
    private readonly redis: Pick<RedisConnection, 'session'>,
    keyPrefix = 'hf.',
  ) {
    this.key = `${keyPrefix}{pauses}`;
  }

  async pause(destination: string, pause: Pause): Promise<boolean> {
    const set = await this.redis.session().run('pause', (client) => client.hsetnx(this.key, destination, JSON.stringify(pause)));
    return set === 1;
  }

  async resume(destination: string): Promise<boolean> {
    return (await this.redis.session().run('resume', (client) => client.hdel(this.key, destination))) === 1;
  }

  async all(): Promise<ReadonlyMap<string, Pause>> {
    const found = await this.redis.session().run('read pauses', (client) => client.hgetall(this.key));
    return new Map(Object.entries(found).map(([destination, text]) => [destination, readPause(text)]));
  }
}

const written = z.object({ sinceMs: z.number().finite(), by: z.string(), reason: z.string() });

/** Somebody's own hand may have written it: paused is paused. */
function readPause(text: string): Pause {
  try {
    return written.parse(JSON.parse(text));
  } catch {
    return { sinceMs: 0, by: 'unknown', reason: 'what stands in Redis cannot be read' };
  }
}
