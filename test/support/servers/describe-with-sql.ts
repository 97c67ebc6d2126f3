import { afterAll, beforeAll, describe } from '@jest/globals'
import { describeWithServer } from './describe-with-server.js'
import { SQL_ENGINES, type SqlPlace } from './sql-databases.js'

/** Defines the same tests for each engine; an engine's tests share a database. */
export function describeWithSql(title: string, run: (place: () => SqlPlace, engine: string) => void): void {
  for (const { name, needed, start } of SQL_ENGINES) {
    const tests = (): void => {
      let place: SqlPlace | undefined
      beforeAll(async () => {
        place = await start()
      })
      afterAll(async () => {
        await place?.end()
      })
      run(() => {
        if (place === undefined) throw new Error(`${name} has not started`)
        return place
      }, name)
    }
    if (needed === undefined) describe(`${title}: ${name}`, tests)
    else describeWithServer(needed, `${title}: ${name}`, tests)
  }
}
