import { MemoryOperationStore } from './operation-store.memory.js';
import { operationStoreContract } from './testing/operation-store.contract.js';

operationStoreContract('memory', async () => {
  const store = new MemoryOperationStore();
  return {
    store,
    add: async (place, hop) => store.add(place, { eventposition: 'hf.events/0/7', destination: 'portal', hop }),
    look: async () => ({ states: Object.fromEntries(store.states), rows: [...store.rows.values()] }),
  };
});
