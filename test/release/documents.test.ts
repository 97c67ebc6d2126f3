import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'

const FOLDERS = ['client', 'server', 'shared', 'testing']
/** npm packs these whatever `files` says. */
const ALWAYS = ['README.md', 'LICENSE']

const { files }: { files: readonly string[] } = JSON.parse(readFileSync('package.json', 'utf8'))
const packed = [...ALWAYS, ...files.map((file) => file.replace(/^\//, ''))]

/** Returns the documents that messages and TSDoc name; the build drops other comments. */
function namesIn(path: string): readonly string[] {
  const text = readFileSync(path, 'utf8').replace(/^\s*\/\/.*$/gm, '')
  return [...text.matchAll(/[\w./-]+\.md\b/g)].map(([name]) => name.replace('node_modules/koa-live-session/', ''))
}

it('the package has each document that messages and TSDoc name', () => {
  const sources = FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  ).filter((path) => /\.tsx?$/.test(path))
  const named = new Set(sources.flatMap(namesIn))
  expect(named).toContain('docs/troubleshooting.md')
  expect([...named].filter((name) => !packed.includes(name))).toEqual([])
})

it('the package has the documents of a new user', () => {
  expect(packed).toEqual(expect.arrayContaining(['SECURITY.md', 'CHANGELOG.md', 'docs/troubleshooting.md']))
})
