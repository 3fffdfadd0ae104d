import { MemorySnapshotStore } from './memory-snapshot-store.ts';
import { snapshotStoreConformance } from './snapshot-store-conformance.ts';

snapshotStoreConformance('MemorySnapshotStore', async () => ({
  store: new MemorySnapshotStore(),
  close: async () => undefined,
}));
