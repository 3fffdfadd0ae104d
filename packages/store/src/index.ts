export type { SqliteStoreOptions, SqliteStores } from './open-sqlite-store.ts';
export { openSqliteStore, openSqliteStores } from './open-sqlite-store.ts';
