import { beforeAll, it } from '@jest/globals'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { storeContract } from 'koa-live-session/testing'
import { describeWithSql } from '../../support/servers/describe-with-sql.js'
import type { TestDatabase } from '../../support/servers/sql-databases.js'

const CONNECTIONS = 4

describeWithSql('sqlStore keeps the contract', (place) => {
  const databases: TestDatabase[] = []
  let turn = 0
  beforeAll(async () => {
    for (let at = 0; at < CONNECTIONS; at += 1) databases.push(place().connect())
    await Promise.all(databases.map((each) => migrateSqlStore(each)))
  })

  const next = async () => {
    const database = databases[turn++ % CONNECTIONS]
    if (database === undefined) throw new Error('not connected')
    return sqlStore(database)
  }
  for (const { name, run } of storeContract(next)) it(name, run)
})
