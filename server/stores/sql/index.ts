/**
 * A store in a table of your database, by Kysely, for `liveSession(app, { store })`: docs/stores.md.
 *
 * @module koa-live-session/sql
 */
export { migrateSqlStore } from './migration.js'
export { type SqlStoreOptions, sqlStore } from './sql-store.js'
