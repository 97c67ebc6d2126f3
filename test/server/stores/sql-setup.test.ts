import { describe, expect, it } from '@jest/globals'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { DummyDriver, Kysely, MssqlAdapter, MssqlIntrospector, MssqlQueryCompiler } from 'kysely'

const mssql = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new MssqlAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new MssqlIntrospector(db),
    createQueryCompiler: () => new MssqlQueryCompiler(),
  },
})

describe('sqlStore', () => {
  it('refuses an engine that it has no statements for', async () => {
    const message = /^koa-live-session: sqlStore: expected a Kysely of SQLite, PostgreSQL, MariaDB or MySQL, received/
    expect(() => sqlStore(mssql)).toThrow(message)
    await expect(migrateSqlStore(mssql)).rejects.toThrow(message)
  })
})
