import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { compile } from '../support/docs/compile.js'

const CREATE = "import { createLiveSession } from 'koa-live-session/client'\nconst live = createLiveSession()\n"
const FIELDS =
  "import { defineFields } from 'koa-live-session/fields'\nimport { z } from 'zod'\n" +
  "export const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write' } })\n"

let folder: string
beforeAll(() => {
  mkdirSync('.cache', { recursive: true })
  folder = mkdtempSync(resolve('.cache/unregistered-'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'fields.ts'), FIELDS)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a page without registered fields', () => {
  it.each([
    ['the import', "void live.set('division', 3)"],
    ['the import', "void live.delete('division')"],
    ['the declaration', "import type {} from './fields.js'\nvoid live.set('division', 3)"],
  ])('gets a compiler message without %s: %s', (_, lines) => {
    const file = join(folder, 'page.ts')
    writeFileSync(file, `${CREATE}${lines}\n`)
    const [problem = ''] = compile([relative('.', file)])
    expect(problem).toContain(
      "koa-live-session: no fields here. Is declare module 'koa-live-session/fields' { interface Register { fields: typeof fields } } in fields.ts, and is it imported here: import type {} from './fields.js'?",
    )
  })
})
