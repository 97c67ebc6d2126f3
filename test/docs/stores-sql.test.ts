import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { describeWithSql } from '../support/servers/describe-with-sql.js'

const REFERENCE = 'docs/stores-reference.md'
const text = readFileSync(REFERENCE, 'utf8')
const NAMES = new Map([
  ['SQLite', 'sqlite'],
  ['PostgreSQL', 'postgres'],
  ['MariaDB', 'mariadb'],
])

function block(language: string): string {
  const found = [...text.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].find(([, mark]) => mark === language)?.[2]
  if (found === undefined) throw new Error(`${REFERENCE} has no ${language}`)
  return found
}

describeWithSql(REFERENCE, (place, engine) => {
  const name = NAMES.get(engine) ?? ''

  it('lists the statements of migrateSqlStore, which may run again', async () => {
    const ran: string[] = []
    const db = place().connect({ log: (statement) => ran.push(`${statement};`) })
    await migrateSqlStore(db)
    const made = ran.filter((statement) => statement.startsWith('create'))
    expect(`${made.join('\n')}\n`).toBe(block(`sql ${name}`))
    await sqlStore(db).merge('kept', [{ key: 'a', stamp: 1 }])
    await migrateSqlStore(db)
    expect(await sqlStore(db).load('kept')).toEqual([{ key: 'a', stamp: 1 }])
  })
})

describe(REFERENCE, () => {
  it('lists no other database', () => {
    const marks = [...text.matchAll(/^```sql (.+)$/gm)].map(([, mark]) => mark)
    expect(marks.sort()).toEqual([...NAMES.values()].sort())
  })
})
