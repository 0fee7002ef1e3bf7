import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { startPartner } from './partner.js';
import { arrivalLine } from './partner-page.js';

type Flags = {
  port: string;
  host: string;
  rules?: string;
  seed: string;
  entity?: string;
  revision?: string;
  idempotency: boolean;
  quiet?: boolean;
};

const flags = new Command('partner')
  .description('A simulated partner API: takes any POST or PUT, answers as scripted, and counts what it really stored.')
  .option('--port <number>', 'port to listen on; 0 takes a free one', '8090')
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--rules <file>', 'JSON file with an array of rules (see partner-rule.ts)')
  .option('--seed <number>', 'of shares and random latencies', '1')
  .option('--entity <pointer>', "JSON Pointer to the entity in the body (default: the path's last segment)")
  .option('--revision <pointer>', 'JSON Pointer to the revision in the body')
  .option('--no-idempotency', 'ignore Idempotency-Key')
  .option('--quiet', 'no line per delivery')
  .parse()
  .opts<Flags>();

const rules: unknown = flags.rules === undefined ? [] : JSON.parse(readFileSync(flags.rules, 'utf8'));
const partner = await startPartner({
  port: Number(flags.port),
  host: flags.host,
  seed: Number(flags.seed),
  pointers: {
    ...(flags.entity === undefined ? {} : { entity: flags.entity }),
    ...(flags.revision === undefined ? {} : { revision: flags.revision }),
  },
  idempotency: { enabled: flags.idempotency },
  ...(flags.quiet ? {} : { onArrival: (arrival) => process.stdout.write(`${arrivalLine(arrival)}\n`) }),
});
partner.setRules(Array.isArray(rules) ? rules : [rules]);
process.stdout.write(`partner ${partner.url}\n`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void partner.close().then(() => process.exit(0)));
}
