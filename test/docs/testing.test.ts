import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { snippet } from '../support/readme.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { FIELDS_PAGE } from '../support/snippet-folder.js'

const PAGE = 'docs/testing.md'
const FILES = [...readFileSync(PAGE, 'utf8').matchAll(/^```tsx?\n\/\/ (\S+)/gm)].map(([, name = '']) => name)
const TESTS = FILES.filter((name) => name.includes('.test.'))

describe(PAGE, () => {
  let folder: string
  beforeAll(() => {
    mkdirSync('.cache', { recursive: true })
    folder = mkdtempSync(resolve('.cache/testing-'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const settings = {
      extends: resolve('tsconfig.json'),
      compilerOptions: { jsxImportSource: 'react' },
      include: ['*'],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
    writeFileSync(join(folder, 'fields.ts'), snippet('fields.ts', FIELDS_PAGE))
    for (const name of FILES) writeFileSync(join(folder, name), snippet(name, PAGE))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('has a test of each kind, and all of them pass', () => {
    expect(TESTS).toEqual(['division-handler.test.ts', 'division-picker.test.tsx', 'app.test.ts'])
    // In one process, as each would begin anew with all that it imports.
    writeFileSync(join(folder, 'all.ts'), TESTS.map((name) => `import './${name}'`).join('\n'))
    const env = {
      ...process.env,
      TSX_TSCONFIG_PATH: join(folder, 'tsconfig.json'),
      SECRET: 'a secret of at least thirty-two bytes',
    }
    const args = ['--import', 'tsx', '--test-reporter', 'tap', 'all.ts']
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8' })
    // The fields of the guides have a hidden one, and the apps no store.
    const errors = stderr.replace(/^koa-live-session: fields risk: not in the cookie, .*\n/m, '')
    expect({ failed: stdout.match(/^ *not ok .*/gm), errors, status }).toEqual({ failed: null, errors: '', status: 0 })
    const titles = TESTS.flatMap((name) => [...snippet(name, PAGE).matchAll(/^test\('([^']+)'/gm)])
    expect(titles).toHaveLength(8)
    for (const [, title] of titles) expect(stdout).toContain(` - ${title}\n`)
  })

  itRunsSnippetsOf(PAGE)
})
