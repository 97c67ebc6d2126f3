import { inspect } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { testClock } from 'koa-live-session/testing'
import {
  CamelCasePlugin,
  DummyDriver,
  Kysely,
  MssqlAdapter,
  MssqlIntrospector,
  MssqlQueryCompiler,
  PostgresDialect,
  sql,
} from 'kysely'
import { columnText, fromColumnText, MAX_TEXT } from '../../../server/store/sql/rows.js'
import { attempt } from '../../../server/store/sql/sql-store.js'
import { type InvalidRegister, validRegisters } from '../../../server/store/validated-store.js'
import type { Store } from '../../../server/types/store.js'
import { codePoint } from '../../support/app/code-point.js'
import { fc } from '../../support/app/property.js'
import { DAY, HOUR } from '../../support/app/times.js'
import { describeWithServer } from '../../support/servers/describe-with-server.js'
import { describeWithSql } from '../../support/servers/describe-with-sql.js'
import { POSTGRES } from '../../support/servers/installed.js'
import { PostgresServer } from '../../support/servers/postgres.js'
import { postgresPool, type TestDatabase } from '../../support/servers/sql-databases.js'

describeWithSql('sqlStore', (place, engine) => {
  const clock = testClock()
  let statements: string[] = []
  let db: TestDatabase

  beforeEach(async () => {
    db = place().connect({ log: (statement) => statements.push(statement.trimStart().slice(0, 6)) })
    await migrateSqlStore(db)
    await db.deleteFrom('live_session_settings').execute()
    statements = []
  })

  const storeNow = () => sqlStore(db, { clock: clock.now })
  const reads = async (subject: string): Promise<readonly number[]> => {
    const rows = await db.selectFrom('live_session_settings').select('read_at').where('subject', '=', subject).execute()
    return rows.map((row) => Number(row.read_at))
  }

  it('a table of an earlier version works after the migration', async () => {
    const table = 'settings_of_before'
    await migrateSqlStore(db, { table })
    await sql.raw(`alter table ${table} drop column ids`).execute(db)
    const columns = sql.raw(
      engine === 'MariaDB' ? 'subject, `key`, stamp, value, read_at' : 'subject, "key", stamp, value, read_at',
    )
    await sql`insert into ${sql.table(table)} (${columns}) values ('s', 'a', 1, '1', ${clock.now()})`.execute(db)
    const store = sqlStore(db, { table, clock: clock.now })
    await expect(store.load('s')).rejects.toThrow('Run migrateSqlStore(db) once')
    await expect(store.merge('s', [{ key: 'a', stamp: 2 }])).rejects.toThrow('Run migrateSqlStore(db) once')
    for (const _ of [1, 2]) await migrateSqlStore(db, { table })
    expect(await store.load('s')).toEqual([{ key: 'a', stamp: 1, value: 1 }])
    const known = { key: 'a', stamp: 2, value: 2, ids: [['one', 2]] as const }
    expect(await store.merge('s', [known])).toEqual([known])
  })

  it('a load of a subject that was used today does not write', async () => {
    const store = storeNow()
    const written = clock.now()
    await store.merge('s', [
      { key: 'a', stamp: 1, value: 1 },
      { key: 'b', stamp: 1 },
    ])
    clock.advance(DAY - 1)
    statements = []
    expect(await store.load('s')).toHaveLength(2)
    expect(await store.load('unknown')).toEqual([])
    expect(statements).toEqual(['select', 'select'])
    expect(await reads('s')).toEqual([written, written])
  })

  it('the first load of a day marks all rows as read', async () => {
    const store = storeNow()
    const written = clock.now()
    await store.merge('s', [{ key: 'a', stamp: 1 }])
    await store.merge('t', [{ key: 'a', stamp: 1 }])
    clock.advance(HOUR)
    await store.merge('s', [{ key: 'b', stamp: 1 }])
    clock.advance(DAY)
    statements = []
    for (let turn = 0; turn < 3; turn += 1) expect(await store.load('s')).toHaveLength(2)
    expect(statements).toEqual(['select', 'update', 'select', 'select'])
    expect(await reads('s')).toEqual([clock.now(), clock.now()])
    expect(await reads('t')).toEqual([written])
  })

  it('a merge without changes writes once a day', async () => {
    const store = storeNow()
    const registers = [{ key: 'a', stamp: 5, value: 1 }]
    await store.merge('s', registers)
    const written = clock.now()
    clock.advance(HOUR)
    expect(await store.merge('s', [{ key: 'a', stamp: 4, value: 2 }])).toEqual(registers)
    expect(await reads('s')).toEqual([written])
    clock.advance(DAY)
    expect(await store.merge('s', [{ key: 'a', stamp: 4, value: 2 }])).toEqual(registers)
    expect(await reads('s')).toEqual([clock.now()])
  })

  it('a sweep deletes whole subjects', async () => {
    const store = storeNow()
    await store.merge('s', [{ key: 'old', stamp: 1 }])
    clock.advance(50 * DAY)
    const later = clock.now()
    await store.merge('s', [{ key: 'new', stamp: 1 }])
    clock.advance(60 * DAY)
    expect(await store.sweep(later)).toBe(0)
    expect(await reads('s')).toHaveLength(2)
    expect(await store.sweep(later + DAY + 1)).toBe(1)
    expect(await reads('s')).toEqual([])
  })

  it('a sweep deletes guests sooner than the rest', async () => {
    const store = storeNow()
    for (const subject of ['browser:b', 'user:s:browser:b', 's']) await store.merge(subject, [{ key: 'a', stamp: 1 }])
    clock.advance(60 * DAY)
    expect(await store.sweep(clock.now() - 100 * DAY, { guests: clock.now() })).toBe(1)
    expect([await reads('browser:b'), await reads('s')]).toMatchObject([[], [expect.any(Number)]])
  })

  it('a sweep allows for reads recorded a day late', async () => {
    const store = storeNow()
    await store.merge('s', [{ key: 'a', stamp: 1 }])
    clock.advance(DAY - 1)
    await store.load('s')
    expect(await store.sweep(clock.now())).toBe(0)
    expect(await store.load('s')).toHaveLength(1)
  })

  it('a sweep deletes any number of subjects, and counts them', async () => {
    const store = storeNow()
    const subjects = Array.from({ length: 230 }, (_, index) => `s${index}`)
    const rows = subjects.flatMap((subject) =>
      ['a', 'b'].map((key) => ({ subject, key, stamp: 1, value: '1', read_at: 1 })),
    )
    await db.insertInto('live_session_settings').values(rows).execute()
    await store.merge('kept', [{ key: 'a', stamp: 1 }])
    expect(await store.sweep(clock.now())).toBe(subjects.length)
    expect(await db.selectFrom('live_session_settings').select('subject').execute()).toEqual([{ subject: 'kept' }])
  })

  it('a sweep deletes any number of subjects that have outlived their own $maxAge', async () => {
    const store = storeNow()
    const lives = {
      short: DAY,
      long: 30 * DAY,
      text: 'session',
      huge: 1e21,
      'not whole': 0.5,
      list: [1],
      nothing: null,
    }
    const subjects = Array.from({ length: 230 }, (_, index) => [`s${index}`, DAY] as const)
    for (const [subject, value] of [...Object.entries(lives), ...subjects])
      await store.merge(subject, [
        { key: '$maxAge', stamp: 1, value },
        { key: 'a', stamp: 1, value: 'x' },
      ])
    await store.merge('other', [{ key: '.$maxAge', stamp: 1, value: 1 }])
    await store.merge('deleted', [{ key: '$maxAge', stamp: 1 }])
    await store.merge('used', [{ key: '$maxAge', stamp: 1, value: DAY }])
    clock.advance(DAY)
    await store.merge('used', [{ key: 'a', stamp: 1 }])
    expect(await store.sweep(clock.now() - 100 * DAY)).toBe(0)
    clock.advance(DAY + 1000)
    expect(await store.sweep(clock.now() - 100 * DAY)).toBe(232)
    const left = await db.selectFrom('live_session_settings').select('subject').distinct().execute()
    const expected = ['deleted', 'huge', 'list', 'long', 'nothing', 'other', 'text', 'used']
    expect(left.map(({ subject }) => subject).sort()).toEqual(expected)
  })

  // SQLite has a single connection, so nothing happens between two of its statements.
  const itMeets = engine === 'SQLite' ? () => undefined : it
  itMeets('a sweep keeps a subject used during the sweep', async () => {
    const store = storeNow()
    await store.merge('s', [
      { key: 'a', stamp: 1 },
      { key: 'b', stamp: 1 },
    ])
    clock.advance(100 * DAY)
    let reserved = 0
    const sweeping = place().connect({
      async reserve() {
        reserved += 1
        // The first connection is for the statement that finds subjects, the second for the transaction that deletes them.
        if (reserved === 2) await store.merge('s', [{ key: 'a', stamp: 2 }])
      },
    })
    expect(await sqlStore(sweeping, { clock: clock.now }).sweep(clock.now())).toBe(0)
    expect(reserved).toBeGreaterThan(2)
    expect(await store.load('s')).toHaveLength(2)
  })

  itMeets('a load during a sweep returns no swept rows', async () => {
    const store = storeNow()
    await store.merge('s', [{ key: 'a', stamp: 1 }])
    clock.advance(100 * DAY)
    let reserved = 0
    const loading = place().connect({
      async reserve() {
        reserved += 1
        if (reserved === 2) expect(await store.sweep(clock.now())).toBe(1)
      },
    })
    expect(await sqlStore(loading, { clock: clock.now }).load('s')).toEqual([])
  })

  it('a merge replaces unreadable rows', async () => {
    const store = storeNow()
    const row = (key: string, stamp: string, value: string) => ({
      subject: 's',
      key,
      stamp,
      value,
      read_at: clock.now(),
    })
    const rows = [row('text', '7', '{"a"'), row('proto', '7', '{"__proto__":1}'), row('ahead', '9007199254740993', '1')]
    await db.insertInto('live_session_settings').values(rows).execute()
    await store.merge('s', [{ key: 'good', stamp: 1, value: 1 }])
    const faults: InvalidRegister[] = []
    const valid = validRegisters(await store.load('s'), clock.now(), (fault) => faults.push(fault))
    expect(valid).toEqual([{ key: 'good', stamp: 1, value: 1 }])
    expect(faults.map(({ key, stamp }) => [key, stamp]).sort()).toEqual([
      ['ahead', undefined],
      ['proto', 7],
      ['text', 7],
    ])
    const repaired = ['ahead', 'proto', 'text'].map((key) => ({ key, stamp: 8, value: 'new' }))
    expect(await store.merge('s', repaired)).toEqual(expect.arrayContaining(repaired))
    expect(await store.load('s')).toEqual(expect.arrayContaining([...valid, ...repaired]))
  })

  it('a failed statement rejects with its cause, without values', async () => {
    const store = sqlStore(db, { table: 'no_such_table' })
    const error = await store.merge('secret-subject', [{ key: 'a', stamp: 1, value: 'secret' }]).catch((cause) => cause)
    expect(error).toBeInstanceOf(Error)
    expect(error.message).toMatch(/^koa-live-session: sqlStore: merge: .*no_such_table/)
    expect(error.cause).toMatchObject({ code: expect.any(String) })
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('secret')
  })

  it('invalid subjects, keys and stamps are rejected without a query', async () => {
    const store = storeNow()
    for (const subject of ['x'.repeat(766), 'é'.repeat(128), '\ud800'])
      await expect(store.load(subject)).rejects.toThrow(
        'koa-live-session: sqlStore: subject: expected a text of at most',
      )
    await expect(store.merge('s', [{ key: '\udfff', stamp: 1 }])).rejects.toThrow('key: expected a text')
    for (const stamp of [0, -1, 1.5, Number.NaN, 2 ** 53])
      await expect(store.merge('s', [{ key: 'a', stamp }])).rejects.toThrow(
        'expected a stamp, a safe integer of 1 or more',
      )
    expect(statements).toEqual([])
  })

  it('two tables are separate stores, even with a plugin of Kysely', async () => {
    const camel = db.withPlugin(new CamelCasePlugin())
    await migrateSqlStore(camel, { table: 'otherSettings' })
    const other = sqlStore(camel, { table: 'otherSettings', clock: clock.now })
    await other.merge('s', [{ key: 'a', stamp: 1, value: { camelCase: 1, snake_case: 2 } }])
    expect(await other.load('s')).toEqual([{ key: 'a', stamp: 1, value: { camelCase: 1, snake_case: 2 } }])
    expect(await storeNow().load('s')).toEqual([])
    await sql`drop table ${sql.table('otherSettings')}`.execute(db)
  })

  it('close() leaves the database open', async () => {
    await storeNow().close()
    expect(await sql<{ one: number }>`select 1 as one`.execute(db)).toMatchObject({ rows: [{ one: 1 }] })
  })
})

describeWithServer(POSTGRES, 'sqlStore in PostgreSQL locks rows in the order of keys', () => {
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
    ['a load that marks rows as read', () => store.load('s')],
    ['a sweep', () => store.sweep(clock.now())],
  ])('%s', async (_, act) => {
    // In the table, b comes before a.
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

/** Fails so many times with a code, then returns the number of calls. */
function failing(times: number, code: unknown): () => Promise<number> {
  let asked = 0
  return async () => {
    asked += 1
    if (asked <= times) throw Object.assign(new Error('it failed'), { code, sql: 'secret', detail: 'secret' })
    return asked
  }
}

describe('a statement of sqlStore', () => {
  it.each(['40P01', '40001', 'ER_LOCK_DEADLOCK'])('is retried after a rollback with the code %s', async (code) => {
    expect(await attempt('merge', failing(3, code))).toBe(4)
  })

  it('fails after ten attempts', async () => {
    expect(await attempt('merge', failing(9, '40P01'))).toBe(10)
    await expect(attempt('merge', failing(10, '40P01'))).rejects.toThrow('koa-live-session: sqlStore: merge: it failed')
  })

  it.each(['SQLITE_BUSY', 'SQLITE_FULL', '23505', 'ECONNREFUSED', undefined])(
    'is not retried after %s; its error hides parameters',
    async (code) => {
      const error = await attempt('load', failing(1, code)).catch((reason) => reason)
      expect(error.message).toBe('koa-live-session: sqlStore: load: it failed')
      expect(error.cause).toMatchObject({ message: 'it failed', code })
      expect(Object.keys(error.cause)).toEqual(['code'])
    },
  )

  it.each(['42P01', 'ER_NO_SUCH_TABLE'])('fails with the remedy if the table is missing: %s', async (code) => {
    await expect(attempt('load', failing(1, code))).rejects.toThrow('it failed. Run migrateSqlStore(db) once')
  })

  it('fails with the code of an error that has no message', async () => {
    const refused = async () => {
      throw Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
    }
    await expect(attempt('load', refused)).rejects.toThrow('koa-live-session: sqlStore: load: ECONNREFUSED')
  })
})

/** Arbitrary texts, often with characters that engines confuse. */
const text = fc.string({
  unit: fc.oneof(fc.constantFrom('a', 'A', ' ', '%', '\0', 'é', '\\'), fc.string({ unit: codePoint, maxLength: 1 })),
  maxLength: 40,
})

describe('a column text', () => {
  it.each([
    ['user:s:ann', 'user:s:ann'],
    ['T0-_wo7zvHO1WgVnWJf5cGDp4nNQyeQfbv9Ui2FBLzw', 'T0-_wo7zvHO1WgVnWJf5cGDp4nNQyeQfbv9Ui2FBLzw'],
    ['user:s:josé', 'user:s:jos%C3%A9'],
    ['a b', 'a%20b'],
    ['100%', '100%25'],
    ['\0', '%00'],
    ['', ''],
  ])('%j is stored as %s', (given, stored) => {
    expect(columnText('subject', given)).toBe(stored)
    expect(fromColumnText(stored)).toBe(given)
  })

  it('round-trips as printable ASCII without spaces', () => {
    fc.assert(
      fc.property(text, (given) => {
        const stored = columnText('key', given)
        expect(stored).toMatch(/^[!-~]*$/)
        expect(fromColumnText(stored)).toBe(given)
      }),
    )
  })

  it('of any 255 bytes fits the column', () => {
    for (const unit of ['\0', 'é', '\uffff', '\u{1f600}']) {
      const longest = unit.repeat(Math.floor(255 / Buffer.byteLength(unit)))
      expect(columnText('subject', longest).length).toBeLessThanOrEqual(MAX_TEXT)
    }
  })

  it('is read unchanged if another program wrote it', () => {
    for (const odd of ['100%', '%ff', 'a b']) expect(fromColumnText(odd)).toBe(odd)
  })
})

const mssql = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new MssqlAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new MssqlIntrospector(db),
    createQueryCompiler: () => new MssqlQueryCompiler(),
  },
})

it('sqlStore rejects an unknown engine', async () => {
  const message = /^koa-live-session: sqlStore: expected a Kysely of SQLite, PostgreSQL, MariaDB or MySQL, received/
  expect(() => sqlStore(mssql)).toThrow(message)
  await expect(migrateSqlStore(mssql)).rejects.toThrow(message)
})
