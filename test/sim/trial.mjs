import { DeliverWorld } from '../../dist/test/sim/deliver.sim.js';
import { memoryCodec } from '../../dist/apps/dedupe/src/testing/dedupe.world.js';
import { deliverFaults } from '../../dist/test/sim/deliver.faults.js';
const codec = await memoryCodec();
const [from, n] = [Number(process.argv[2] ?? 1), Number(process.argv[3] ?? 100)];
const t = Date.now(); let steps = 0, bad = 0; const kinds = new Map();
for (let seed = from; seed < from + n; seed++) {
  const r = await new DeliverWorld(seed, codec).play(); steps += r.steps;
  if (r.broken) { bad++; const k = r.broken.slice(0, 60).replace(/\d+/g, 'N'); if (!kinds.has(k)) kinds.set(k, seed); if (n === 1) console.log(r.history.join('\n')); if (bad < 4) console.log(seed, r.broken); }
}
console.log({ n, bad, kinds, perSecond: n / ((Date.now() - t) / 1000), steps: steps / n });
if (process.argv[4]) for (const [fault, rule] of deliverFaults) {
  let found = null; for (let seed = 1; seed <= 1000 && found === null; seed++) { const r = await new DeliverWorld(seed, codec, { fault, rule }).play(); if (r.broken) found = [seed, r.broken]; }
  console.log(fault, rule, found);
}
