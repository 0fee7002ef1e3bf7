import { MemoryLedgerStore } from './ledger-store.memory.js';
import { ledgerStoreContract } from './testing/ledger-store.contract.js';

ledgerStoreContract('memory', async () => {
  const store = new MemoryLedgerStore();
  const look = async () => ({
    events: [...store.events.keys()].sort(),
    facts: [...store.facts.keys()].sort(),
    standings: [...store.standings.values()],
  });
  return { store, look };
});
