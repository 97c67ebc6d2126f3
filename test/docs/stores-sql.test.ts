import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import { describeWith } from '../support/describe-with.js'
import { snippet } from '../support/readme.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { describeWithSql } from '../support/servers/describe-with-sql.js'

/** Has the statements; and the snippet for MariaDB. */
const REFERENCE = 'docs/stores-reference.md'
const text = readFileSync(REFERENCE, 'utf8')
const NAMES = new Map([
  ['SQLite', 'sqlite'],
  ['PostgreSQL', 'postgres'],
  ['MariaDB', 'mariadb'],
])

/** An app of the document's own snippets, which stores a value and reads it. */
const MAIN = `
  import { db, store } from './store.js'
  await store.merge('s', [{ key: 'division', stamp: Date.now(), value: 3 }])
  const registers = await store.load('s')
  console.log(JSON.stringify(registers.map(({ key, value }) => [key, value])))
  await db.destroy()
`

function block(language: string): string {
  const found = [...text.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].find(([, mark]) => mark === language)?.[2]
  if (found === undefined) throw new Error(`${REFERENCE} has no ${language}`)
  return found
}

describeWithSql(REFERENCE, (place, engine) => {
  const name = NAMES.get(engine) ?? ''

  it('has the statements that migrateSqlStore runs, which may run again', async () => {
    const ran: string[] = []
    const db = place().connect({ log: (statement) => ran.push(`${statement};`) })
    await migrateSqlStore(db)
    const made = ran.filter((statement) => statement.startsWith('create'))
    expect(`${made.join('\n')}\n`).toBe(block(`sql ${name}`))
    await sqlStore(db).merge('kept', [{ key: 'a', stamp: 1 }])
    await migrateSqlStore(db)
    expect(await sqlStore(db).load('kept')).toEqual([{ key: 'a', stamp: 1 }])
  })

  it('has snippets that run', async () => {
    mkdirSync('.cache', { recursive: true })
    const folder = mkdtempSync(resolve('.cache/stores-sql-'))
    try {
      const files = { store: snippet(`${name}.ts`, name === 'mariadb' ? REFERENCE : 'docs/stores.md'), main: MAIN }
      for (const [file, code] of Object.entries(files)) writeFileSync(join(folder, `${file}.ts`), code)
      const env = { ...process.env, TSX_TSCONFIG_PATH: resolve('tsconfig.json'), DATABASE_URL: place().url }
      const run = promisify(execFile)(process.execPath, ['--import', 'tsx', 'main.ts'], { cwd: folder, env })
      expect((await run).stdout).toBe('[["division",3]]\n')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe(REFERENCE, () => {
  it('has the statements of no other database', () => {
    const marks = [...text.matchAll(/^```sql (.+)$/gm)].map(([, mark]) => mark)
    expect(marks.sort()).toEqual([...NAMES.values()].sort())
  })

  itRunsSnippetsOf('docs/stores.md', 'sqlite.ts')
})
describeWith('PostgreSQL', 'docs/stores.md', () => {
  itRunsSnippetsOf('docs/stores.md', 'postgres.ts')
})
describeWith('MariaDB', REFERENCE, () => {
  itRunsSnippetsOf('docs/stores-reference.md', 'mariadb.ts')
})
