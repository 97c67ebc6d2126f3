import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { beforeAll, expect, it } from '@jest/globals'
import { brokenLinks } from '../support/docs/links.js'

const FOLDERS = ['client', 'server', 'shared', 'testing']

let packed: ReadonlySet<string>
beforeAll(() => {
  // Without the build, which other tests use meanwhile.
  const listed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8' })
  const [{ files }]: [{ files: readonly { path: string }[] }] = JSON.parse(listed)
  packed = new Set(files.map(({ path }) => path))
})

const read = (path: string): string => readFileSync(path, 'utf8')
const documents = (): readonly string[] => [...packed].filter((path) => path.endsWith('.md'))

/** Returns the documents that messages and TSDoc name; the build drops other comments. */
function namesIn(path: string): readonly string[] {
  const text = read(path).replace(/^\s*\/\/.*$/gm, '')
  return [...text.matchAll(/[\w./-]+\.md\b/g)].map(([name]) => name.replace('node_modules/koa-live-session/', ''))
}

it('the package has each document that messages and TSDoc name', () => {
  const sources = FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  ).filter((path) => /\.tsx?$/.test(path))
  const named = new Set(sources.flatMap(namesIn))
  expect(named).toContain('docs/troubleshooting.md')
  expect([...named].filter((name) => !packed.has(name))).toEqual([])
})

it('the package has the guides, and no document of maintainers', () => {
  const guides = readdirSync('docs').filter((name) => name.endsWith('.md'))
  const all = ['README.md', 'SECURITY.md', 'CHANGELOG.md', ...guides.map((name) => `docs/${name}`)]
  expect(documents()).toEqual(expect.arrayContaining(all))
  expect(documents().filter((path) => path.includes('maintainers'))).toEqual([])
})

it('each packed example has the files that it imports', () => {
  // Fastify's guide names the differences from Express; its fields are Express's.
  const examples = [...packed].filter((path) => /^example\/(?!fastify).*\.ts$/.test(path))
  const imported = examples.flatMap((path) =>
    [...read(path).matchAll(/ from '(\..*)\.js'/g)].map(([, to]) => posix.join(posix.dirname(path), `${to}.ts`)),
  )
  expect(imported).toContain('example/starter/fields.ts')
  expect(imported.filter((path) => !packed.has(path))).toEqual([])
})

it('each link of a packed document leads into the package', () => {
  const library = { has: (path: string) => packed.has(path), read }
  const broken = documents().flatMap((path) =>
    brokenLinks(read(path), path, library).map((link) => ({ path, ...link })),
  )
  // The words beside a picture tell it.
  expect(broken.filter(({ isPicture }) => !isPicture)).toEqual([])
  expect(broken.map(({ path }) => path)).toEqual(['README.md', 'docs/troubleshooting.md'])
})
