import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { testClock } from 'koa-live-session/testing'
import { type Dialect, Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { createPool } from 'mysql2'
import type { StoredRegister } from '../../../server/types/store.js'
import { DAY } from '../../support/app/times.js'
import { describeWithServer } from '../../support/servers/describe-with-server.js'
import { Folder } from '../../support/servers/folder.js'
import { MARIADB, POSTGRES } from '../../support/servers/installed.js'
import { MariadbServer } from '../../support/servers/mariadb.js'
import { PostgresServer } from '../../support/servers/postgres.js'
import { postgresPool } from '../../support/servers/sql-databases.js'

describe('writes of sqlStore in SQLite survive', () => {
  let folder: Folder
  const open: Database.Database[] = []
  beforeEach(() => {
    folder = new Folder()
  })
  afterEach(() => {
    for (const each of open.splice(0)) each.close()
    folder.remove()
  })

  const database = (): Database.Database => {
    const opened = new Database(folder.in('live.db'))
    open.push(opened)
    opened.pragma('journal_mode = WAL')
    return opened
  }
  const kysely = (opened: Database.Database) =>
    new Kysely<unknown>({ dialect: new SqliteDialect({ database: opened }) })
  const create = async () => {
    const own = database()
    const clock = testClock()
    await migrateSqlStore(kysely(own))
    return { own, clock, store: sqlStore(kysely(own), { clock: clock.now }) }
  }

  it('a full or read-only database', async () => {
    const { own, clock, store } = await create()
    own.pragma('max_page_count = 40')
    const acknowledged: StoredRegister[] = []
    const fill = async (): Promise<void> => {
      for (let stamp = 1; ; stamp += 1) {
        const register = { key: `k${stamp}`, stamp, value: 'x'.repeat(3000) }
        await store.merge('s', [register])
        acknowledged.push(register)
      }
    }
    await expect(fill()).rejects.toMatchObject({ cause: { code: 'SQLITE_FULL' } })
    expect(acknowledged.length).toBeGreaterThan(10)
    clock.advance(2 * DAY)
    for (const each of [store, sqlStore(kysely(database()))])
      expect(await each.load('s')).toEqual(expect.arrayContaining(acknowledged))
    expect(await store.load('s')).toHaveLength(acknowledged.length)

    own.pragma('query_only = ON')
    expect(await store.load('s')).toHaveLength(acknowledged.length)
    await expect(store.remove('s')).rejects.toMatchObject({ cause: { code: 'SQLITE_READONLY' } })
    own.pragma('query_only = OFF')

    own.pragma('max_page_count = 100000')
    await store.merge('s', [{ key: 'after', stamp: 1, value: 'x'.repeat(3000) }])
    expect(await store.load('s')).toHaveLength(acknowledged.length + 1)
  })

  it('a long write of another connection', async () => {
    const { store } = await create()
    const other = database()
    await store.merge('s', [{ key: 'a', stamp: 1 }])
    other.exec('begin immediate')
    await expect(store.merge('s', [{ key: 'a', stamp: 2 }])).rejects.toMatchObject({ cause: { code: 'SQLITE_BUSY' } })
    expect(await store.load('s')).toEqual([{ key: 'a', stamp: 1 }])
    other.exec('rollback')
    expect(await store.merge('s', [{ key: 'a', stamp: 2 }])).toEqual([{ key: 'a', stamp: 2 }])
  })

  it('a process killed during merges', async () => {
    const args = ['--import', 'tsx', 'test/support/servers/sqlite-writer.ts', folder.in('live.db')]
    const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const gone = once(writer, 'close')
    let acknowledged = 0
    for await (const line of createInterface(writer.stdout)) {
      acknowledged = Number(line)
      if (acknowledged === 100) writer.kill('SIGKILL')
    }
    await gone
    const registers = await sqlStore(kysely(database())).load('s')
    const newest = registers.find(({ key }) => key === 'newest')
    // The database may have written a further row before its acknowledgement.
    expect([acknowledged, acknowledged + 1]).toContain(newest?.stamp)
    expect(acknowledged).toBeGreaterThanOrEqual(100)
    for (const { stamp, value } of registers) expect(value).toBe(`${stamp}`.repeat(500))
    expect(registers.find(({ key }) => key === `k${Number(newest?.stamp) % 7}`)).toMatchObject({ stamp: newest?.stamp })
  })
})

interface Server {
  start(): Promise<void>
  kill(): Promise<void>
  stop(): Promise<void>
}

/** Declares a test that kills the server during merges, after some acknowledgements. */
function outlivesItsServer(start: () => Promise<Server>, connect: (server: Server) => Promise<Dialect>): void {
  let server: Server
  let db: Kysely<unknown>
  beforeAll(async () => {
    server = await start()
    db = new Kysely({ dialect: await connect(server) })
  })
  afterAll(async () => {
    await db.destroy()
    await server.stop()
  })

  it('a server killed during merges', async () => {
    await migrateSqlStore(db)
    const store = sqlStore(db)
    const subjects = Array.from({ length: 8 }, (_, index) => `s${index}`)
    const acknowledged = new Map<string, number>()
    let killed: Promise<void> | undefined
    const write = async (subject: string): Promise<void> => {
      for (let stamp = 1; ; stamp += 1) {
        await store.merge(subject, [
          { key: 'a', stamp, value: stamp },
          { key: 'b', stamp, value: stamp },
        ])
        acknowledged.set(subject, stamp)
        // Wait for all subjects, because some connections are slower than others.
        if (stamp >= 30 && acknowledged.size === subjects.length) killed ??= server.kill()
      }
    }
    const ends = await Promise.allSettled(subjects.map(write))
    expect(ends.map(({ status }) => status)).toEqual(subjects.map(() => 'rejected'))
    await killed
    await expect(store.load('s0')).rejects.toThrow('koa-live-session: sqlStore: load: ')
    await server.start()
    for (const subject of subjects) {
      const last = acknowledged.get(subject) ?? 0
      const stamps = (await store.load(subject)).map(({ stamp }) => stamp)
      expect([[last, last].join(), [last + 1, last + 1].join()]).toContain(stamps.join())
    }
    expect(await store.merge('s0', [{ key: 'a', stamp: 10_000 }])).toEqual([{ key: 'a', stamp: 10_000 }])
  })
}

describeWithServer(POSTGRES, 'writes of sqlStore in PostgreSQL survive', () => {
  let server: PostgresServer
  outlivesItsServer(
    async () => {
      server = await PostgresServer.start('-c', 'fsync=on', '-c', 'synchronous_commit=on', '-c', 'full_page_writes=on')
      return server
    },
    async () => {
      const { host, user, database } = server
      return new PostgresDialect({ pool: postgresPool({ host, user, database }) })
    },
  )
})

describeWithServer(MARIADB, 'writes of sqlStore in MariaDB survive', () => {
  let server: MariadbServer
  outlivesItsServer(
    async () => {
      server = await MariadbServer.start('--innodb-flush-log-at-trx-commit=1')
      await server.shutDown()
      await server.start()
      return server
    },
    async () => {
      const [socketPath, user] = [server.path, server.user]
      const admin = createPool({ socketPath, user }).promise()
      await admin.query('create database live')
      await admin.end()
      return new MysqlDialect({ pool: createPool({ socketPath, user, database: 'live' }) })
    },
  )
})
