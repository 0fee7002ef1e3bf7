import { fileURLToPath } from 'node:url';
import { NodeProcess, waitFor, type PartnerRule, type PartnerStats } from '#libs/testkit/src/index.js';

/** The partner as a process of its own, so that its CPU is not the benchmark's. */
export type PartnerProcess = Readonly<{
  url: string;
  stats(): Promise<PartnerStats>;
  setRules(rules: readonly PartnerRule[]): Promise<void>;
  /** Resolves when so many requests took effect since the last `reset`; answers the moment (ms, monotonic). */
  waitForStored(count: number, withinMs: number): Promise<number>;
  reset(): Promise<void>;
  stop(): Promise<void>;
}>;

const script = fileURLToPath(new URL('../../libs/testkit/src/partner.main.js', import.meta.url));

export async function startPartnerProcess(): Promise<PartnerProcess> {
  const child = NodeProcess.start({ name: 'partner', script, args: ['--port', '0', '--quiet'] });
  const url = (await child.waitForOutput(/partner (http:\S+)/))[1]!;
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(url + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    return answer.json();
  };
  const stats = async (): Promise<PartnerStats> => (await ask('GET', '/_sim/stats')) as PartnerStats;
  return {
    url,
    stats,
    setRules: async (rules) => void (await ask('PUT', '/_sim/rules', rules)),
    reset: async () => void (await ask('POST', '/_sim/reset')),
    waitForStored: async (count, withinMs) => {
      let seen = 0;
      const isThere = async (): Promise<boolean> => (seen = (await stats()).stored) >= count;
      await waitFor(isThere, { what: `${count} stored`, withinMs, everyMs: 20, seen: () => seen });
      return performance.now();
    },
    stop: async () => void (await child.stop()),
  };
}
