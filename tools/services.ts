/**
 * The four services alone, without apps: `node dist/tools/services.js [FILE]`. Stays in the foreground like `npm start`; writes their addresses to FILE as
 * NAME=value lines when all are ready.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { addressEnvironment, type StackAddresses } from './stack/addresses.js';
import { startNativeStack } from './stack/native-stack.js';
import { stackPorts } from './stack/ports.js';

const say = (line: string): void => console.log(line);
const dataFolder = resolve(process.env['HOLDFAST_DATA'] || '.holdfast');
const stack = await startNativeStack({ dataFolder, ports: stackPorts(process.env), say, complain: (line) => console.error(line) });
const environment = addressEnvironment(stack.addresses as StackAddresses);
const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}\n`);
console.log(lines.join('').trimEnd());
const [file] = process.argv.slice(2);
if (file) writeFileSync(file, lines.join(''));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stack.stop().then(() => process.exit(0)));
}
