/**
 * `npm run smoke`, beside a running `npm start` on the demo configuration: one event in, one delivery seen at the partner simulator, within ten seconds.
 * Exit code 0 when it arrived, 1 when it did not.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { portFrom } from './stack/ports.js';
import { chosenConfiguration } from './supervisor/configuration.js';

const arrivalMaxMs = 10_000;
const root = fileURLToPath(new URL('../..', import.meta.url));
const { partnerPort } = chosenConfiguration({}, root);
const ingest = `http://127.0.0.1:${portFrom(process.env, 'INGEST_PORT', 8080)}`;
const partner = `http://127.0.0.1:${partnerPort}`;

async function send(): Promise<string> {
  const response = await fetch(`${ingest}/in/demo`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: randomUUID(), type: 'order.created', order: 'smoke' }),
  });
  if (response.status !== 202) throw new Error(`ingest answers ${response.status}: ${await response.text()}`);
  const { id } = (await response.json()) as { id: string };
  return id;
}

async function hasArrived(id: string): Promise<boolean> {
  const response = await fetch(`${partner}/_sim/stored?event=${id}`);
  const { items } = (await response.json()) as { items: unknown[] };
  return items.length > 0;
}

async function smoke(): Promise<string> {
  const startedAtMs = performance.now();
  const id = await send();
  while (!(await hasArrived(id))) {
    if (performance.now() - startedAtMs > arrivalMaxMs)
      throw new Error(`event ${id} did not arrive at ${partner} within ${arrivalMaxMs / 1_000} s`);
    await sleep(50);
  }
  return `event ${id} was delivered in ${Math.round(performance.now() - startedAtMs)} ms`;
}

try {
  console.log(await smoke());
} catch (error) {
  const { message, cause } = error as Error;
  console.error(`${message}${cause instanceof Error ? ` (${cause.message})` : ''}. Is \`npm start\` running on the demo configuration?`);
  process.exitCode = 1;
}
