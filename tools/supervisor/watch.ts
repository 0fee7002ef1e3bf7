import { spawn } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const settleMs = 200;

/** For `npm run dev`: builds after every change of a source and, when it compiles, calls `onBuilt`. One at a time; changes meanwhile count for the next. */
export function watchSources(root: string, onBuilt: () => Promise<void>, say: (line: string) => void): void {
  let [isChanged, isBusy] = [false, false];
  const build = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    while (isChanged) {
      // An editor that saves several files does so within this time.
      await sleep(settleMs);
      isChanged = false;
      say('a source has changed: building');
      if (await compiles(root)) await onBuilt();
      else say('it does not compile: the apps go on as they were');
    }
    isBusy = false;
  };
  for (const room of ['apps', 'libs'].filter((name) => existsSync(join(root, name)))) {
    watch(join(root, room), { recursive: true }, (_, file) => {
      if (!file?.endsWith('.ts') || file.endsWith('.spec.ts')) return;
      isChanged = true;
      void build();
    });
  }
}

function compiles(root: string): Promise<boolean> {
  const compiler = join(root, 'node_modules/typescript-7/bin/tsc');
  const child = spawn(process.execPath, [compiler, '-p', join(root, 'tsconfig.json')], { stdio: ['ignore', 2, 2] });
  return new Promise((resolve) => child.once('close', (code) => resolve(code === 0)));
}
