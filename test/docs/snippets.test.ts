import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { compile } from '../support/docs/compile.js'
import { snippet, snippetsOf } from '../support/docs/readme.js'
import { appFolder, tsc } from '../support/docs/tsc.js'
import { writePrograms } from './snippet-apps.js'

const documents = [
  'README.md',
  ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
]
mkdirSync('.cache', { recursive: true })
const folder = relative('.', mkdtempSync(resolve('.cache/snippets-')))
/** The app of a page in JavaScript is checked by its own command, in test/browser/quick-start.test.ts. */
const isTyped = (page: string): boolean => !snippetsOf(page).some(({ language }) => language === 'js')
const programs = writePrograms(folder, documents.filter(isTyped))

/** Whether a snippet ignores refusals, by `void` or because it reads neither the promise nor a status. */
function hidesRefusals(text: string): boolean {
  if (
    /\bvoid (?:set(?!Timeout|Interval|Immediate)[A-Z]\w*|(?:live|own\??|user|[\w.]+iveSession)\.(?:set|setMany|update|delete))\(/.test(
      text,
    )
  )
    return true
  const isPage = text.includes('createLiveSession(') && /\blive\.(?:set|update|delete)\(/.test(text)
  return isPage && !/onStatus|\.catch\(|\.then\(|await live\./.test(text)
}

beforeAll(() => writeFileSync(join(folder, 'package.json'), '{ "type": "module" }'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a snippet', () => {
  it.each(documents)('names a unique file in its first line: %s', (page) => {
    const fences = readFileSync(page, 'utf8').match(/^[ \t>]*(```|~~~)[ \t]*(js|ts|tsx|vue|svelte|html)\b/gm) ?? []
    const files = snippetsOf(page).map(({ file, text }) => file ?? text)
    expect(files).toHaveLength(fences.length)
    expect(files.filter((file, index) => file.includes('\n') || files.indexOf(file) < index)).toEqual([])
  })

  it.each(documents)('handles refusals: %s', (page) => {
    expect(snippetsOf(page).filter(({ text }) => hidesRefusals(text))).toEqual([])
  })

  it.each([
    ['annotated.ts', 'docs/troubleshooting.md', /^$/],
    ['fields.ts', 'docs/values.md', /TS9013/],
  ])('compiles with isolatedDeclarations only if its type is written out: %s', (file, page, expected) => {
    const options = { isolatedDeclarations: true, declaration: true }
    const config = { extends: resolve('tsconfig.json'), compilerOptions: options, files: [file], include: [] }
    const app = appFolder({ [file]: snippet(file, page), 'tsconfig.json': JSON.stringify(config) })
    expect(tsc('-p', app).join('\n')).toMatch(expected)
    rmSync(app, { recursive: true })
  })

  it('handles refusals: all files in example/', () => {
    const files = readdirSync('example', { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))
    expect(files.filter((file) => hidesRefusals(readFileSync(join('example', file), 'utf8')))).toEqual([])
  })

  it.each([...programs])('compiles: %s', (_, files) => {
    // These settings accept undeclared context members of other middleware.
    const settings = {
      noPropertyAccessFromIndexSignature: false,
      noUnusedParameters: false,
      allowArbitraryExtensions: true,
      jsxImportSource: 'react',
    }
    expect(compile([...files], settings)).toEqual([])
  })
})
