import { join } from 'node:path';
import { adminPortBase, type AppEntry } from '../apps.js';
import { Child, type ChildSpec } from '../stack/child.js';
import { portFrom } from '../stack/ports.js';
import { lineWriter, type Output } from './output.js';

/** Apps end within 25 s by themselves; a few more before they are killed. */
const stopMaxMs = 30_000;
const readyMaxMs = 180_000;
const probeTimeoutMs = 5_000;
const nodeFlags = ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning'];

export interface AppSettings {
  /** The compiled code. */
  dist: string;
  dataFolder: string;
  env: NodeJS.ProcessEnv;
  /** Addresses and configuration, as all apps get them. */
  shared: Record<string, string>;
  output: Output;
}

export function adminPort({ adminOffset }: AppEntry, env: NodeJS.ProcessEnv): number {
  return portFrom(env, adminPortBase.variable, adminPortBase.fallback) + adminOffset;
}

export function appChild(app: AppEntry, settings: AppSettings): Child {
  const port = adminPort(app, settings.env);
  return new Child({
    ...nodeProgram(app.name, join(settings.dist, `apps/${app.name}/src/main.js`), [], settings),
    probe: () => probeReady(port),
    readyMaxMs,
    command: async () => ({
      file: process.execPath,
      args: [...nodeFlags, join(settings.dist, `apps/${app.name}/src/main.js`)],
      env: { ...settings.shared, ADMIN_PORT: String(port) },
    }),
  });
}

/** The partner simulator of the demo. */
export function partnerChild(port: number, settings: AppSettings): Child {
  const main = join(settings.dist, 'libs/testkit/src/partner.main.js');
  return new Child({
    ...nodeProgram('partner', main, ['--port', String(port)], settings),
    probe: async () => {
      await (await fetch(`http://127.0.0.1:${port}/_sim/stats`, { signal: AbortSignal.timeout(probeTimeoutMs) })).body?.cancel();
    },
    readyMaxMs: 30_000,
  });
}

function nodeProgram(name: string, main: string, args: string[], settings: AppSettings): ChildSpec {
  return {
    name,
    command: async () => ({ file: process.execPath, args: [...nodeFlags, main, ...args], env: settings.shared }),
    stopSignal: 'SIGTERM',
    stopMaxMs,
    readyMaxMs,
    pidFile: join(settings.dataFolder, 'run', `${name}.pid`),
    marker: main,
    output: lineWriter(settings.output),
  };
}

/** Resolves when `/readyz` says 200. @throws Error with what it says is missing. */
async function probeReady(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(probeTimeoutMs) });
  const text = await response.text();
  if (response.status !== 200) throw new Error(missingIn(text) || `it answers ${response.status}`);
}

function missingIn(text: string): string {
  try {
    const { missing = [] } = JSON.parse(text) as { missing?: { check: string; missing: string; mend: string }[] };
    return missing.map((one) => `${one.check}: ${one.missing} ${one.mend}`).join('; ');
  } catch {
    return '';
  }
}
