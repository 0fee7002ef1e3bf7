import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { StackError } from '../stack/stack-error.js';

export interface ChosenConfiguration {
  /** Absolute. */
  path: string;
  /** The demo's destinations lie on this machine: where the partner simulator has to listen. */
  partnerPort?: number;
}

/** The configuration that the environment names, or the repository's own demo. @throws StackError (exit code 2) when it is not there. */
export function chosenConfiguration(env: NodeJS.ProcessEnv, root: string): ChosenConfiguration {
  const demo = join(root, 'holdfast.yaml');
  const path = resolve(env['HOLDFAST_CONFIG'] || demo);
  if (!existsSync(path))
    throw new StackError(`There is no configuration at ${path}. Set HOLDFAST_CONFIG to a file, or to a folder of them.`, 2);
  const partnerPort = path === demo && statSync(path).isFile() ? loopbackPort(readFileSync(path, 'utf8')) : undefined;
  return partnerPort === undefined ? { path } : { path, partnerPort };
}

/** The port of the first destination on the loopback address. Whether the file is right is `holdfast check`'s to say. */
function loopbackPort(yaml: string): number | undefined {
  const { destinations = [] } = parse(yaml) as { destinations?: { http?: { url?: string } }[] };
  const urls = destinations.map((destination) => URL.parse((destination.http?.url ?? '').replaceAll(/[{}]/g, '')));
  const local = urls.find((url) => url && ['127.0.0.1', 'localhost'].includes(url.hostname) && url.port);
  return local ? Number(local.port) : undefined;
}
