import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { signalGroup } from './pid-file.js';
import { unwatch, watch } from './reaper.js';
import { StackError } from './stack-error.js';

const outputLinesMax = 40;
const timeoutMs = 20 * 60_000;

/**
 * Runs Maven and shows its downloads as they happen (one line each, the noise of its plugins left out).
 * @throws StackError with Maven's last lines and what to do.
 */
export function runMaven(args: readonly string[], cwd: string, say: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('mvn', ['-B', '-Dstyle.color=never', ...args], { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    if (child.pid !== undefined) watch(child.pid);
    const tail: string[] = [];
    let downloads = 0;
    const onLine = (line: string): void => {
      tail.push(line);
      if (tail.length > outputLinesMax) tail.shift();
      if (/^(\[INFO\] )?Downloaded/.test(line)) {
        downloads++;
        if (/\([0-9.]+ MB at/.test(line) || downloads % 50 === 0) say(`  ${downloads} files · ${shortened(line)}`);
      }
    };
    createInterface({ input: child.stdout }).on('line', onLine);
    createInterface({ input: child.stderr }).on('line', onLine);
    const timer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), timeoutMs);
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(error.code === 'ENOENT' ? new StackError(mavenMissing) : error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      if (child.pid !== undefined) unwatch(child.pid);
      if (code === 0) resolve();
      else reject(new StackError(failure(args, code, tail)));
    });
  });
}

const mavenMissing =
  'Maven (mvn) is not on the PATH. Install it: apt-get install -y maven, or brew install maven; or start a Docker engine.';

/** `Downloaded from central: https://…/kafka-clients-4.3.0.jar (9.9 MB at 6.1 MB/s)` becomes the file and its size. */
function shortened(line: string): string {
  const match = /([^/]+\.(?:jar|gz|pom)) \(([0-9.]+ [kM]?B)/.exec(line);
  return match ? `${match[1]} (${match[2]})` : '';
}

function failure(args: readonly string[], code: number | null, tail: readonly string[]): string {
  const errors = tail.filter((line) => line.includes('ERROR')).slice(0, 5);
  return [
    `A download failed: mvn ${args.join(' ')} ended with ${code ?? 'a signal (it took too long)'}.`,
    ...(errors.length ? errors : tail.slice(-5)),
    'Check that Maven reaches its repository (a proxy or mirror belongs in ~/.m2/settings.xml) and start again: what was downloaded is kept.',
  ].join('\n');
}
