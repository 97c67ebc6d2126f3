import { describe, expect, it } from '@jest/globals'
import { attempt } from '../../../server/stores/sql/sql-store.js'

/** Fails so many times with that code, then answers with how often it was asked. */
function failing(times: number, code: unknown): () => Promise<number> {
  let asked = 0
  return async () => {
    asked += 1
    if (asked <= times) throw Object.assign(new Error('it failed'), { code, sql: 'secret', detail: 'secret' })
    return asked
  }
}

describe('a statement', () => {
  it.each(['40P01', '40001', 'ER_LOCK_DEADLOCK'])(
    'is tried again where the database has undone it: %s',
    async (code) => {
      expect(await attempt('merge', failing(3, code))).toBe(4)
    },
  )

  it('is tried ten times', async () => {
    expect(await attempt('merge', failing(9, '40P01'))).toBe(10)
    await expect(attempt('merge', failing(10, '40P01'))).rejects.toThrow('koa-live-session: sqlStore: merge: it failed')
  })

  it.each(['SQLITE_BUSY', 'SQLITE_FULL', '23505', 'ECONNREFUSED', undefined])(
    'is not tried again after any other failure: %s',
    async (code) => {
      const error = await attempt('load', failing(1, code)).catch((reason) => reason)
      expect(error.message).toBe('koa-live-session: sqlStore: load: it failed')
      expect(error.cause).toMatchObject({ message: 'it failed', code })
      expect(Object.keys(error.cause)).toEqual(['code'])
    },
  )

  it.each(['42P01', 'ER_NO_SUCH_TABLE'])('says what makes the table where there is none: %s', async (code) => {
    await expect(attempt('load', failing(1, code))).rejects.toThrow('it failed. Run migrateSqlStore(db) once')
  })

  it('says the code where the driver has no words', async () => {
    const refused = async () => {
      throw Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
    }
    await expect(attempt('load', refused)).rejects.toThrow('koa-live-session: sqlStore: load: ECONNREFUSED')
  })
})
