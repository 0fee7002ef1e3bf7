import { createServer, connect, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/**
 * A TCP link that can be cut: it stands between a client and a real service, and does to the bytes what networks do.
 *
 * | state     | what happens                                                                        |
 * | --------- | ----------------------------------------------------------------------------------- |
 * | up        | bytes pass, each chunk after `latencyMs`                                             |
 * | cut       | open connections are reset, new ones are reset at once                              |
 * | half-open | connections stay open and nothing passes in either direction; nobody is told        |
 */
export type LinkState = 'up' | 'cut' | 'half-open';

export interface CuttableLink {
  readonly host: string;
  readonly port: number;
  state(): LinkState;
  /** Resets what is open and refuses what comes. */
  cut(): void;
  /** Swallows every byte from now on, in both directions; a later `mend` resets those connections, since their bytes are gone. */
  halfOpen(): void;
  mend(): void;
  setLatency(ms: number): void;
  connections(): number;
  close(): Promise<void>;
}

type Pair = { client: Socket; upstream: Socket; swallowed: boolean };

export async function cuttableLink(target: { host: string; port: number }, options: { port?: number } = {}): Promise<CuttableLink> {
  let state: LinkState = 'up';
  let latencyMs = 0;
  const pairs = new Set<Pair>();

  const drop = (pair: Pair): void => {
    pair.client.resetAndDestroy();
    pair.upstream.resetAndDestroy();
    pairs.delete(pair);
  };
  const carry = (pair: Pair, from: Socket, to: Socket): void => {
    from.on('data', (chunk) => {
      if (state !== 'up') {
        pair.swallowed = true;
        return;
      }
      const pass = (): void => {
        if (state !== 'up') pair.swallowed = true;
        else if (!to.write(chunk)) from.pause();
      };
      if (latencyMs > 0) setTimeout(pass, latencyMs);
      else pass();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => setTimeout(() => to.end(), latencyMs));
    from.on('error', () => drop(pair));
    from.on('close', () => drop(pair));
  };

  const server: Server = createServer((client) => {
    if (state === 'cut') {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(target);
    const pair: Pair = { client, upstream, swallowed: false };
    pairs.add(pair);
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    carry(pair, client, upstream);
    carry(pair, upstream, client);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });

  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    state: () => state,
    cut: () => {
      state = 'cut';
      for (const pair of [...pairs]) drop(pair);
    },
    halfOpen: () => void (state = 'half-open'),
    mend: () => {
      state = 'up';
      for (const pair of [...pairs]) if (pair.swallowed) drop(pair);
    },
    setLatency: (ms) => void (latencyMs = ms),
    connections: () => pairs.size,
    close: async () => {
      for (const pair of [...pairs]) drop(pair);
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
