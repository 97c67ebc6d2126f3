/**
 * A store in a table of your database, through Kysely, for `liveSession(app, { store })`: see docs/stores.md.
 *
 * @module koa-live-session/sql
 */
export { migrateSqlStore } from './migration.js'
export { type SqlStoreOptions, sqlStore } from './sql-store.js'
