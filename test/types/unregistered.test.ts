import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { compile } from '../support/compile.js'

let folder: string
beforeAll(() => {
  mkdirSync('.cache', { recursive: true })
  folder = mkdtempSync(resolve('.cache/unregistered-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a page that does not import its fields', () => {
  it.each(["void live.set('division', 3)", "void live.delete('division')"])(
    'is told by the compiler what to import, at %s',
    (line) => {
      const file = join(folder, 'page.ts')
      writeFileSync(
        file,
        `import { createLiveSession } from 'koa-live-session/client'\nconst live = createLiveSession()\n${line}\n`,
      )
      const [problem = ''] = compile([relative('.', file)])
      expect(problem).toContain("koa-live-session: no fields here. Write import type {} from './fields.js'")
    },
  )
})
