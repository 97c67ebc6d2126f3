export { migrateSqlStore } from './migration.js'
export { type SqlStoreOptions, sqlStore } from './sql-store.js'
