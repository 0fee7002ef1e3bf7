import { runBenches } from './bench.js';
import { bulk } from './bulk.bench.js';
import { bulkhead } from './bulkhead.bench.js';
import { door } from './door.bench.js';
import { latency } from './latency.bench.js';
import { slowPartner } from './slow-partner.bench.js';
import { transactions } from './transactions.bench.js';
import { wholeWay } from './whole-way.bench.js';

process.exitCode = await runBenches([door, wholeWay, latency, transactions, slowPartner, bulkhead, bulk], process.argv.slice(2));
