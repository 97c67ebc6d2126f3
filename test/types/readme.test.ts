import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { compile } from '../support/compile.js'
import { snippet } from '../support/readme.js'

let folder: string

describe('the README', () => {
  beforeAll(() => {
    mkdirSync('.cache', { recursive: true })
    folder = mkdtempSync(resolve('.cache/readme-'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  })
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  it.each([
    ['react', ['app.tsx', 'browser.tsx', 'server.tsx']],
    ['vue', ['app.ts', 'browser.ts', 'server.ts']],
  ])('has snippets for %s that compile, in the app of the quick start', (framework, names) => {
    const at = join(folder, framework)
    mkdirSync(at)
    writeFileSync(join(at, 'fields.ts'), snippet('fields.ts'))
    writeFileSync(join(at, 'main.ts'), snippet('server.ts'))
    for (const name of names) writeFileSync(join(at, name), snippet(`${framework}/${name}`))
    const files = ['main.ts', ...names].map((name) => relative('.', join(at, name)))
    expect(compile(files, { jsxImportSource: 'react' })).toEqual([])
  })
})
