import { MemoryStore } from './memory-store.ts';
import { storeConformance } from './store-conformance.ts';

storeConformance('MemoryStore', async () => ({ store: new MemoryStore(), close: async () => undefined }), {
  outlivesProcess: false,
});
