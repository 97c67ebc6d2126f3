import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { compile } from '../support/compile.js'
import { snippetsOf } from '../support/readme.js'
import { pages, writePrograms } from '../support/snippet-apps.js'

mkdirSync('.cache', { recursive: true })
const folder = relative('.', mkdtempSync(resolve('.cache/snippets-')))
const programs = writePrograms(folder)

/** Which snippets the tests say that they have run, and hold themselves to: `page file`. */
const claims = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .flatMap((file) => {
    const text = readFileSync(join('test', file), 'utf8')
    const [, common = ''] = /^const PAGE = '([^']+)'$/m.exec(text) ?? []
    return [...text.matchAll(/^ *itRunsSnippetsOf\((?:'([^']+)'|PAGE)((?:, '[^']+')*)\)$/gm)].flatMap((claim) => {
      const [, page = common, names = ''] = claim
      const files = [...names.matchAll(/'([^']+)'/g)].map(([, name]) => name)
      return (files.length > 0 ? files : snippetsOf(page).map((one) => one.file)).map((name) => `${page} ${name}`)
    })
  })

beforeAll(() => writeFileSync(join(folder, 'package.json'), '{ "type": "module" }'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a snippet of a page', () => {
  it.each(pages())('names its file in its first line: %s', (page) => {
    expect(snippetsOf(page).flatMap(({ file, text }) => (file === undefined ? [text] : []))).toEqual([])
  })

  it('is run by a test: itRunsSnippetsOf(page) is the last one of each page', () => {
    const all = pages().flatMap((page) => snippetsOf(page).map(({ file }) => `${page} ${file}`))
    expect(claims.sort()).toEqual(all.sort())
  })

  it.each([...programs])('compiles: %s', (_, files) => {
    // What other middleware gives a context, an app of these settings has to declare.
    const settings = {
      noPropertyAccessFromIndexSignature: false,
      noUnusedParameters: false,
      allowArbitraryExtensions: true,
      jsxImportSource: 'react',
    }
    expect(compile([...files], settings)).toEqual([])
  })
})
