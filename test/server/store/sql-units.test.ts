import { describe, expect, it } from '@jest/globals'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { DummyDriver, Kysely, MssqlAdapter, MssqlIntrospector, MssqlQueryCompiler } from 'kysely'
import { columnText, fromColumnText, MAX_TEXT } from '../../../server/store/sql/rows.js'
import { attempt } from '../../../server/store/sql/sql-store.js'
import { codePoint } from '../../support/app/code-point.js'
import { fc } from '../../support/app/property.js'

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
