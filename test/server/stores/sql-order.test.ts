import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { testClock } from 'koa-live-session/testing'
import { Kysely, PostgresDialect, sql } from 'kysely'
import type { Store } from '../../../server/stores/store.js'
import { describeWithServer } from '../../support/servers/describe-with-server.js'
import { POSTGRES } from '../../support/servers/installed.js'
import { PostgresServer } from '../../support/servers/postgres.js'
import { postgresPool } from '../../support/servers/sql-databases.js'

const DAY = 24 * 60 * 60 * 1000

describeWithServer(POSTGRES, 'sqlStore locks rows of PostgreSQL in the order of their keys, as merges do', () => {
  const clock = testClock()
  let server: PostgresServer
  let db: Kysely<unknown>
  let store: Store
  beforeAll(async () => {
    server = await PostgresServer.start()
    const { host, user, database } = server
    db = new Kysely({ dialect: new PostgresDialect({ pool: postgresPool({ host, user, database }) }) })
    await migrateSqlStore(db)
    store = sqlStore(db, { clock: clock.now })
  })
  afterAll(async () => {
    await db.destroy()
    await server.stop()
  })

  const isWaiting = async (): Promise<boolean> => {
    const { rows } = await sql`select 1 from pg_stat_activity where wait_event_type = 'Lock'`.execute(db)
    return rows.length > 0
  }

  it.each<[string, () => Promise<unknown>]>([
    ['remove', () => store.remove('s')],
    ['a load that marks', () => store.load('s')],
    ['a sweep', () => store.sweep(clock.now())],
  ])('%s', async (_, act) => {
    // Where rows lie in the table, b comes before a.
    for (const key of ['b', 'a']) await store.merge('s', [{ key, stamp: 1 }])
    clock.advance(3 * DAY)
    const lock = (key: string) =>
      sql`select 1 from live_session_settings where subject = 's' and "key" = ${key} for update nowait`
    let acting: Promise<unknown> | undefined
    await db.transaction().execute(async (other) => {
      await lock('a').execute(other)
      acting = act()
      while (!(await isWaiting()));
      expect((await lock('b').execute(other)).rows).toHaveLength(1)
    })
    await acting
    await store.remove('s')
  })
})
