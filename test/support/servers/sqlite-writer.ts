// Merges into a SQLite file until it is killed, and prints each stamp once its merge is acknowledged.
import { writeSync } from 'node:fs'
import { Kysely, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { migrateSqlStore, sqlStore } from '../../../server/store/sql/index.js'

const [, , path = ''] = process.argv
const database = new Database(path)
database.pragma('journal_mode = WAL')
database.pragma('synchronous = FULL')
const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) })
await migrateSqlStore(db)
const store = sqlStore(db)

for (let stamp = 1; ; stamp += 1) {
  const value = `${stamp}`.repeat(500)
  await store.merge('s', [
    { key: `k${stamp % 7}`, stamp, value },
    { key: 'newest', stamp, value },
  ])
  writeSync(1, `${stamp}\n`)
}
